"""What the present device reaches at best: matrix products and copies.

python -m benchmarks.ceilings
"""

import argparse

import jax

from benchmarks import measuring, turns


def main() -> None:
  """Prints the rates."""
  parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
  parser.add_argument('--json', action='store_true')
  turns.add_flag(parser)
  options = parser.parse_args()
  turns.wait(options.turn)
  rates = {
    'bfloat16': measuring.matrix_rate('bfloat16'),
    'float32': measuring.matrix_rate('float32'),
    'float32, highest precision': measuring.matrix_rate('float32', 'highest'),
  }
  found = {
    'device': jax.devices()[0].device_kind,
    'jax': jax.__version__,
    **{f'TFLOP/s, {name}': rate / 1e12 for name, rate in rates.items()},
    'copy, GB/s': measuring.copy_rate() / 1e9,
  }
  measuring.show(found, options.json)


if __name__ == '__main__':
  main()
