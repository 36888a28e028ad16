"""Time, arithmetic and memory of one train step on the present device.

  python -m benchmarks.train_step --form=gaitgs_casia_b --rows=64 --frames=30

Needs jax, flax, optax and numpy alone. FLOPs are those of the compiled program
as XLA counts them, which convolutions written in another form change; the share
is of the rate that one large matrix product reaches on the same device.
"""

import argparse
from typing import Any

import jax
import numpy as np
import optax

from benchmarks import measuring
from gaitgs_jax import losses
from gaitgs_jax.models import convolution
from gaitgs_jax.training import state as states
from gaitgs_jax.training import step as steps

LOSSES = {
  'gaitgs': dict(triplet=dict(margin=0.25), view=dict(weight=0.2)),
  'cstl': dict(
    triplet=dict(margin=0.2), identity=dict(scale=1.0, smoothing=0.0)
  ),
}


def measure(options: argparse.Namespace) -> dict[str, Any]:
  """Runs the step and returns the table."""
  model, size = measuring.create(options.form, options.dtype)
  graphdef, params, stats = states.split(model)
  chosen = dict(LOSSES[measuring.FORMS[options.form][0]])
  if options.form == 'gaitgs_oumvlp':
    chosen['identity'] = dict(scale=16.0, smoothing=0.1)
  optimizer = optax.adam(1e-4)
  step: Any = steps.make_train_step(
    graphdef, losses.create(chosen), optimizer, size=size
  )
  rows = options.rows
  batch = measuring.silhouettes(rows, options.frames, size)
  batch['subject'] = np.arange(rows, dtype=np.int32) // 4
  batch['view'] = np.arange(rows, dtype=np.int32) % 11
  state = jax.device_put(states.create(params, stats, optimizer))
  batch = jax.device_put(batch)
  key = jax.random.key(0)
  compiled = step.lower(state, batch, key).compile()
  counted = measuring.facts(compiled)

  def once() -> Any:
    nonlocal state
    state, metrics = compiled(state, batch, key)
    return metrics

  duration = measuring.seconds(once, options.repeats)
  matrices = measuring.matrix_rate(options.dtype)
  rate = 1e9 * counted['GFLOP'] / duration
  return {
    'device': jax.devices()[0].device_kind,
    'form': options.form,
    'batch': f'{rows} x {options.frames} frames, {options.dtype}',
    'lowering': options.lowering or convolution.default_lowering(),
    'seconds per step, median': duration,
    'sequences/s': rows / duration,
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
  parser.add_argument('--rows', type=int, default=4)
  parser.add_argument('--frames', type=int, default=30)
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
