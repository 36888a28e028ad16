"""What a training run carries from step to step."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import nnx

# The arrays of a model as nested dicts: a plain tree, which `jit` dispatches
# far faster than the modules themselves.
Arrays = dict[Any, Any]


class TrainState(NamedTuple):
  """The arrays that a step updates.

  Attributes:
    step: int32 scalar, the number of updates made.
    params: the model's `nnx.Param` arrays.
    stats: its `nnx.BatchStat` arrays (running means and variances).
    opt_state: the optimizer's.
  """

  step: jax.Array
  params: Arrays
  stats: Arrays
  opt_state: optax.OptState


def split(model: nnx.Module) -> tuple[nnx.GraphDef, Arrays, Arrays]:
  """Splits a model into its static part, its weights and its statistics."""
  graphdef, *arrays = nnx.split(model, nnx.Param, nnx.BatchStat)
  params, stats = arrays
  return graphdef, nnx.to_pure_dict(params), nnx.to_pure_dict(stats)


def join(graphdef: nnx.GraphDef, params: Arrays, stats: Arrays) -> nnx.Module:
  """Returns the model of `split`'s three parts."""
  return nnx.merge(graphdef, params, stats)


def statistics(model: nnx.Module) -> Arrays:
  """Returns a model's `nnx.BatchStat` arrays."""
  return nnx.to_pure_dict(nnx.state(model, nnx.BatchStat))


def create(
  params: Arrays, stats: Arrays, optimizer: optax.GradientTransformation
) -> TrainState:
  """Returns the state of step 0, ready to be donated."""
  state = TrainState(
    jnp.zeros((), jnp.int32), params, stats, optimizer.init(params)
  )
  # Copies every array: the step donates them, and layers may share an initial
  # one. A weak dtype would compile the step again.
  return jax.tree.map(lambda x: jnp.array(x, x.dtype, copy=True), state)
