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
from gaitgs_jax.models import convolution, remat
from gaitgs_jax.training import states, steps

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
    graphdef,
    losses.create(chosen),
    optimizer,
    sizes={'silhouettes': size},
    accumulate=options.accumulate,
    recompute=options.remat,
  )
  rows = options.rows
  batch = measuring.silhouettes(rows, options.frames, size)
  batch['subject'] = np.arange(rows, dtype=np.int32) // 4
  batch['view'] = np.arange(rows, dtype=np.int32) % 11
  state = jax.device_put(states.create(params, stats, optimizer))
  batch = jax.device_put(batch)
  key = jax.random.key(0)

  def once(compiled: Any) -> Any:
    nonlocal state
    state, metrics = compiled(state, batch, key)
    return metrics

  return {
    **measuring.table(options, step, (state, batch, key), once),
    'remat': options.remat,
    'parts': options.accumulate,
  }


def main() -> None:
  """Prints the table."""
  parser = measuring.parser(__doc__, rows=4, frames=30)
  parser.add_argument('--remat', choices=remat.LEVELS, default='none')
  parser.add_argument('--accumulate', type=int, default=1)
  options = parser.parse_args()
  with convolution.lowered(options.lowering):
    measuring.show(measure(options), options.json)


if __name__ == '__main__':
  main()
