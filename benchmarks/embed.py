"""Time, arithmetic and memory of embedding one batch on the present device.

  python -m benchmarks.embed --form=gaitgs_casia_b --rows=1 --frames=80

Needs jax, flax, optax and numpy alone; see `benchmarks.train_step` for what the
figures mean.
"""

import argparse
from typing import Any

import jax

from benchmarks import measuring
from gaitgs_jax.input import augment
from gaitgs_jax.models import convolution
from gaitgs_jax.training import state as states


def measure(options: argparse.Namespace) -> dict[str, Any]:
  """Embeds the batch and returns the table."""
  model, size = measuring.create(options.form, options.dtype)
  graphdef, params, stats = states.split(model)

  @jax.jit
  def embed(params: Any, stats: Any, batch: Any) -> jax.Array:
    model = states.join(graphdef, params, stats)
    return model(augment.inputs(batch, size), batch['mask']).embedding

  batch = measuring.silhouettes(options.rows, options.frames, size)
  given = jax.device_put((params, stats, batch))
  compiled = embed.lower(*given).compile()
  counted = measuring.facts(compiled)
  duration = measuring.seconds(lambda: compiled(*given), options.repeats)
  matrices = measuring.matrix_rate(options.dtype)
  rate = 1e9 * counted['GFLOP'] / duration
  return {
    'device': jax.devices()[0].device_kind,
    'form': options.form,
    'batch': f'{options.rows} x {options.frames} frames, {options.dtype}',
    'lowering': options.lowering or convolution.default_lowering(),
    'seconds per batch, median': duration,
    'sequences/s': options.rows / duration,
    'frames/s': options.rows * options.frames / duration,
    **counted,
    'GFLOP/s': rate / 1e9,
    'GFLOP/s of a matrix product': matrices / 1e9,
    'share of that, %': 100 * rate / matrices,
  }


def main() -> None:
  """Prints the table."""
  parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
  parser.add_argument(
    '--form', choices=measuring.FORMS, default='gaitgs_casia_b'
  )
  parser.add_argument('--rows', type=int, default=1)
  parser.add_argument('--frames', type=int, default=80)
  parser.add_argument('--dtype', default='float32')
  parser.add_argument(
    '--lowering', choices=('', *convolution.LOWERINGS), default=''
  )
  parser.add_argument('--repeats', type=int, default=10)
  parser.add_argument('--json', action='store_true')
  options = parser.parse_args()
  with convolution.lowered(options.lowering):
    measuring.show(measure(options), options.json)


if __name__ == '__main__':
  main()
