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
    mean: the weights' mean so far; zeros before the first count.
  """

  updates: jax.Array
  mean: Any


def average(start: int, every: int) -> optax.GradientTransformation:
  """Returns a transformation that changes nothing and keeps the mean.

  It stands last in a chain, where updates are what the weights change by.

  Args:
    start: updates after which the weights are counted for the first time; 0
      counts the initial ones.
    every: updates between two counts.
  """

  def init(params: Any) -> AverageState:
    first = jnp.zeros_like if start else jnp.array
    return AverageState(jnp.zeros((), jnp.int32), jax.tree.map(first, params))

  def update(
    updates: Any, state: AverageState, params: Any = None
  ) -> tuple[Any, AverageState]:
    count = state.updates + 1
    past = count - start
    counted = (past >= 0) & (past % every == 0)
    share = jnp.where(counted, 1 / (past // every + 1).astype(jnp.float32), 0)
    mean = jax.tree.map(
      lambda m, p, u: m + share.astype(m.dtype) * (p + u - m),
      state.mean,
      params,
      updates,
    )
    return updates, AverageState(count, mean)

  return optax.GradientTransformation(init, update)


def mean_of(opt_state: Any) -> Any:
  """Returns the weights' mean that an optimizer's state holds, or None."""
  states = jax.tree.leaves(
    opt_state, is_leaf=lambda node: isinstance(node, AverageState)
  )
  found = [state.mean for state in states if isinstance(state, AverageState)]
  return found[0] if found else None
