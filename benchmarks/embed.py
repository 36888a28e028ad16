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
from gaitgs_jax.training import states


def measure(options: argparse.Namespace) -> dict[str, Any]:
  """Embeds the batch and returns the table."""
  model, size = measuring.create(options.form, options.dtype)
  graphdef, params, stats = states.split(model)
  sizes = {'silhouettes': size}

  @jax.jit
  def embed(params: Any, stats: Any, batch: Any) -> jax.Array:
    model = states.join(graphdef, params, stats)
    return model(augment.inputs(batch, sizes), batch['mask']).embedding

  batch = measuring.silhouettes(options.rows, options.frames, size)
  given = jax.device_put((params, stats, batch))
  return measuring.table(
    options, embed, given, lambda compiled: compiled(*given)
  )


def main() -> None:
  """Prints the table."""
  options = measuring.parser(__doc__, rows=1, frames=80).parse_args()
  with convolution.lowered(options.lowering):
    measuring.show(measure(options), options.json)


if __name__ == '__main__':
  main()
