"""Averages of the weights: of a run's last part, or as a teacher.

Stochastic weight averaging (Izmailov et al., https://arxiv.org/abs/1803.05407):
the mean is kept with the optimizer's moments; when the last step is done it
takes the weights' place, and the running statistics of BatchNorm are brought up
to it. A teacher is a moving average whose outputs the losses may read
(https://arxiv.org/abs/1703.01780); it is kept there too.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from gaitgs_jax.errors import BadValue


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


class TeacherState(NamedTuple):
  """What the teacher carries from step to step.

  Attributes:
    weights: its weights.
  """

  weights: Any


def teacher(*, momentum: float) -> optax.GradientTransformation:
  """Keeps a moving average of the weights; losses read 'teacher/features'.

  The updates stay as they are. The teacher starts as the initial weights. After
  each update it is `momentum` times itself and the rest of the new weights. It
  must be the last transformation of a chain.

  Args:
    momentum: the share of the teacher that stays in an update, 0 to 1.

  Raises:
    ValueError: the momentum is more than 1.
  """
  if not 0 <= momentum <= 1:
    raise BadValue(f'momentum is {momentum}; it must be 0 to 1')

  def init(params: Any) -> TeacherState:
    # A copy: the state is donated, and with it the weights.
    return TeacherState(jax.tree.map(jnp.copy, params))

  def update(
    updates: Any, state: TeacherState, params: Any = None
  ) -> tuple[Any, TeacherState]:
    new = optax.apply_updates(params, updates)
    weights = jax.tree.map(
      lambda old, x: old + (1 - momentum) * (x - old), state.weights, new
    )
    return updates, TeacherState(weights)

  return optax.GradientTransformation(init, update)


def teacher_of(opt_state: Any) -> Any:
  """Returns the teacher's weights that an optimizer's state holds, or None."""
  return next((each.weights for each in _found(opt_state, TeacherState)), None)


def mean_of(opt_state: Any) -> Any:
  """Returns the weights' mean that an optimizer's state holds, or None."""
  return next((each.mean for each in _found(opt_state, AverageState)), None)


def _found(opt_state: Any, kind: type) -> list[Any]:
  """Returns the parts of an optimizer's state that are of a kind."""
  parts = jax.tree.leaves(
    opt_state, is_leaf=lambda node: isinstance(node, kind)
  )
  return [part for part in parts if isinstance(part, kind)]
