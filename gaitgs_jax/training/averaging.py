"""Stochastic weight averaging: the mean of the weights of a run's last part.

Izmailov et al., https://arxiv.org/abs/1803.05407. The mean is kept with the
optimizer's moments; when the last step is done it takes the weights' place,
and the running statistics of BatchNorm are brought up to it.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax


class AverageState(NamedTuple):
  """What the averaging carries from step to step.

  Attributes:
    updates: int32 scalar, how many were made.
    mean: the mean of the weights counted so far; zeros before the first.
  """

  updates: jax.Array
  mean: Any


def average(start: int, every: int) -> optax.GradientTransformation:
  """Returns a transformation that changes nothing and keeps the mean.

  The weights are counted before an update, as the callback of PyTorch Lightning
  counts them at the start of an epoch: those that the last one makes are not
  among them.

  Args:
    start: updates made when the weights are counted for the first time.
    every: updates between two counts.
  """

  def init(params: Any) -> AverageState:
    mean = jax.tree.map(jnp.zeros_like, params)
    return AverageState(jnp.zeros((), jnp.int32), mean)

  def update(
    updates: Any, state: AverageState, params: Any = None
  ) -> tuple[Any, AverageState]:
    past = state.updates - start
    counted = (past >= 0) & (past % every == 0)
    share = jnp.where(counted, 1 / (past // every + 1).astype(jnp.float32), 0)
    mean = jax.tree.map(
      lambda m, p: m + share.astype(m.dtype) * (p - m), state.mean, params
    )
    return updates, AverageState(state.updates + 1, mean)

  return optax.GradientTransformation(init, update)


def mean_of(opt_state: Any) -> Any:
  """Returns the weights' mean that an optimizer's state holds, or None."""
  states = jax.tree.leaves(
    opt_state, is_leaf=lambda node: isinstance(node, AverageState)
  )
  found = [state.mean for state in states if isinstance(state, AverageState)]
  return found[0] if found else None
