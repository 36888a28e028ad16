"""Programs that embed walks where nothing of the package is installed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import export

from gaitgs_jax import modalities
from gaitgs_jax.input.augment import Transform
from gaitgs_jax.modalities import Shapes
from gaitgs_jax.models import convolution
from gaitgs_jax.training import paths, states
from gaitgs_jax.training.states import Arrays

PLATFORMS = ('cpu', 'cuda', 'tpu')
# A length is a multiple of the step, so that strides divide it.
FRAMES_STEP, FRAMES_LONGEST = 16, 960


class Program(NamedTuple):
  """A program and what it computes with.

  Attributes:
    exported: (weights, batch, mask) -> embeddings float32 [n,p,d], of any
      number of walks and of any multiple of `FRAMES_STEP` frames up to
      `FRAMES_LONGEST`. The batch is a dict of stored frames [n,s,...] by
      modality, the mask bool [n,s].
    weights: what it needs of the model's, by name, in the program's order.
    frames: modality -> the shape and the dtype of one frame of a batch.
  """

  exported: export.Exported
  weights: dict[str, np.ndarray]
  frames: dict[str, jax.ShapeDtypeStruct]


def create(
  graphdef: nnx.GraphDef,
  params: Arrays,
  stats: Arrays,
  *,
  sizes: Shapes,
  transform: Transform,
) -> Program:
  """Exports a model for every platform of `PLATFORMS`.

  A model's shapes may depend on the length of a walk, but not its arithmetic
  in Python: what takes `int(x.shape[1])` raises.

  Args:
    graphdef: the model's, of `states.split`.
    params: its weights.
    stats: its statistics.
    sizes: of the frames that the model sees, see `input.augment.inputs`.
    transform: what happens to them, of `input.augment.create`.
  """
  leaves = paths.flatten({'params': params, 'stats': stats})
  tree = jax.tree.structure({'params': params, 'stats': stats})
  # Shapes alone: a program is for one device, wherever these arrays are.
  values = [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in leaves.values()]

  def embed(
    weights: list[jax.Array], batch: dict[str, jax.Array], mask: jax.Array
  ) -> jax.Array:
    both = jax.tree.unflatten(tree, weights)
    model = states.join(graphdef, both['params'], both['stats'])

    # A walk at a time, as a model may count the walks of a batch.
    def one(walk: dict[str, jax.Array], mask: jax.Array) -> jax.Array:
      alone = jax.tree.map(lambda x: x[None], {**walk, 'mask': mask})
      output = model(*transform.of_batch(alone, sizes))
      return output.embedding[0].astype(jnp.float32)

    return jax.vmap(one)(batch, mask)

  frames = {
    name: _stored(modalities.get(name), tuple(size))
    for name, size in sizes.items()
  }
  with convolution.lowered(convolution.PORTABLE):
    needed = _needed(embed, values, frames)
    exported = export.export(
      jax.jit(lambda few, *rest: embed(_filled(few, needed, values), *rest)),
      platforms=PLATFORMS,
    )([values[i] for i in needed], *_batch(frames, _any_size()))
  names = [*leaves]
  weights = {names[i]: np.asarray(leaves[names[i]]) for i in needed}
  return Program(exported, weights, frames)


def _needed(
  embed: Callable[..., jax.Array],
  values: Sequence[jax.ShapeDtypeStruct],
  frames: Mapping[str, jax.ShapeDtypeStruct],
) -> tuple[int, ...]:
  """Returns which weights an embedding needs; heads of losses it does not."""
  shapes = _batch(frames, (1, FRAMES_STEP))
  kept = export.export(jax.jit(embed))(values, *shapes).module_kept_var_idx
  return tuple(i for i in kept if i < len(values))


def _filled(
  few: Sequence[jax.Array],
  places: Sequence[int],
  values: Sequence[jax.ShapeDtypeStruct],
) -> list[jax.Array]:
  """Returns all weights: some, and zeros for those that are not needed."""
  given = dict(zip(places, few, strict=True))
  return [
    given[i] if i in given else jnp.zeros(value.shape, value.dtype)
    for i, value in enumerate(values)
  ]


def _batch(
  frames: Mapping[str, jax.ShapeDtypeStruct], size: tuple[Any, Any]
) -> tuple[dict[str, jax.ShapeDtypeStruct], jax.ShapeDtypeStruct]:
  """Returns the shapes of a batch and of its mask, of a size (n, s)."""
  batch = {
    name: jax.ShapeDtypeStruct((*size, *frame.shape), frame.dtype)
    for name, frame in frames.items()
  }
  return batch, jax.ShapeDtypeStruct(size, jnp.bool_)


def _any_size() -> tuple[Any, Any]:
  """Returns any number of walks and of frames."""
  steps = FRAMES_LONGEST // FRAMES_STEP
  n, s = export.symbolic_shape(
    f'n, {FRAMES_STEP}*k', constraints=('n >= 1', 'k >= 1', f'k <= {steps}')
  )
  return n, s


def _stored(
  modality: modalities.Modality, size: tuple[int, ...]
) -> jax.ShapeDtypeStruct:
  """Returns a frame of a batch, of which a model's may be the middle."""
  return jax.ShapeDtypeStruct(modality.uncut(size), modality.dtype)
