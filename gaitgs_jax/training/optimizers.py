"""Optimizers and learning-rate schedules by name, as PyTorch computes them.

The published models were trained with torch.optim; its weight decay of Adam
and SGD is added to the gradient (an L2 penalty), on every parameter.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import optax

from gaitgs_jax import fields
from gaitgs_jax.errors import UserError
from gaitgs_jax.fields import Share
from gaitgs_jax.training import groups, paths, settings
from gaitgs_jax.training.groups import Groups

# A tree of weights -> a tree of which of them.
Mask = Callable[[Any], Any]


def adam(
  rate: optax.Schedule,
  decays: Mask | None,
  weight_decay: float = 0.0,
  beta1: float | str = 0.9,
  beta2: float = 0.999,
  epsilon: float = 1e-8,
) -> optax.GradientTransformation:
  """Adam with L2 decay in the gradient (`torch.optim.Adam`).

  https://arxiv.org/abs/1412.6980

  Args:
    rate: by update count.
    decays: which weights do; None means all.
    weight_decay: times every weight, added to its gradient.
    beta1: of the first moment; 'one_cycle' moves it against the rate of that
      schedule, as torch OneCycleLR does.
    beta2: of the second moment.
    epsilon: added to the root of the second moment.

  Raises:
    UserError: beta1 is another word, or the schedule another one.
  """
  return optax.chain(
    optax.add_decayed_weights(weight_decay, decays),
    _scale_by_adam(rate, beta1, beta2, epsilon),
    optax.scale_by_learning_rate(rate),
  )


def adamw(
  rate: optax.Schedule,
  decays: Mask | None,
  weight_decay: float = 0.01,
  beta1: float | str = 0.9,
  beta2: float = 0.999,
  epsilon: float = 1e-8,
) -> optax.GradientTransformation:
  """Adam with decoupled decay, https://arxiv.org/abs/1711.05101.

  Args:
    rate: by update count.
    decays: which weights do; None means all.
    weight_decay: times every weight and the rate, taken from the weight.
    beta1: of the first moment; 'one_cycle' as in `adam`.
    beta2: of the second moment.
    epsilon: added to the root of the second moment.

  Raises:
    UserError: beta1 is another word, or the schedule another one.
  """
  return optax.chain(
    _scale_by_adam(rate, beta1, beta2, epsilon),
    optax.add_decayed_weights(weight_decay, decays),
    optax.scale_by_learning_rate(rate),
  )


def _scale_by_adam(
  rate: optax.Schedule, beta1: float | str, beta2: float, epsilon: float
) -> optax.GradientTransformation:
  moves = isinstance(beta1, str)
  if moves and (beta1 != 'one_cycle' or not isinstance(rate, OneCycle)):
    raise UserError(
      f'config.optimizer.beta1 is {beta1!r}: give a number, or one_cycle with '
      "config.schedule.name='one_cycle'"
    )

  def transform(count: jax.Array | int) -> optax.GradientTransformation:
    b1: Any = beta1
    if moves and isinstance(rate, OneCycle):
      b1 = rate.beta1(count)
    return optax.scale_by_adam(b1, beta2, epsilon)

  def update(
    updates: Any, state: Any, params: Any = None
  ) -> tuple[Any, optax.OptState]:
    # Optax raises a float to the integer count, which strict JAX refuses.
    with jax.numpy_dtype_promotion('standard'):
      return transform(state.count).update(updates, state, params)

  return optax.GradientTransformation(optax.scale_by_adam().init, update)


def sgd(
  rate: optax.Schedule,
  decays: Mask | None,
  weight_decay: float = 0.0,
  momentum: float = 0.9,
  nesterov: bool = False,
) -> optax.GradientTransformation:
  """Momentum SGD with L2 decay in the gradient (`torch.optim.SGD`).

  Args:
    rate: by update count.
    decays: which weights do; None means all.
    weight_decay: times every weight, added to its gradient.
    momentum: of the mean of the gradients.
    nesterov: whether the momentum looks ahead.
  """
  return optax.chain(
    optax.add_decayed_weights(weight_decay, decays),
    optax.trace(momentum, nesterov),
    optax.scale_by_learning_rate(rate),
  )


def step(
  base: float,
  total_steps: int,
  boundaries: Sequence[int],
  factor: float = 0.1,
  warmup_steps: int = 0,
) -> optax.Schedule:
  """Multiplies the rate by `factor` at each boundary (torch MultiStepLR).

  Args:
    base: the first rate.
    total_steps: updates of the run, which do not matter.
    boundaries: update counts at which the rate changes.
    factor: times the rate, at each.
    warmup_steps: over which the rate rises from 0 first.
  """
  del total_steps
  edges = jnp.asarray(tuple(boundaries), jnp.int32)

  def rate(count: jax.Array) -> jax.Array:
    passed = jnp.sum(count >= edges, dtype=jnp.int32).astype(jnp.float32)
    return base * jnp.float32(factor) ** passed

  return warm_up(rate, warmup_steps)


def constant(
  base: float, total_steps: int, warmup_steps: int = 0
) -> optax.Schedule:
  """Keeps the rate.

  Args:
    base: the rate.
    total_steps: updates of the run, which do not matter.
    warmup_steps: over which the rate rises from 0 first.
  """
  del total_steps
  return warm_up(lambda count: jnp.float32(base), warmup_steps)


def cosine(
  base: float,
  total_steps: int,
  final: float = 0.0,
  warmup_steps: int = 0,
  fall_steps: int = 0,
) -> optax.Schedule:
  """Falls from the base rate to `final` along half a cosine.

  torch CosineAnnealingLR over the whole run, https://arxiv.org/abs/1608.03983.

  Args:
    base: the first rate.
    total_steps: updates of the run.
    final: the last rate.
    warmup_steps: over which the rate rises from 0 first.
    fall_steps: over which it falls, to stay at `final`; 0 means the whole run.
  """

  def rate(count: jax.Array) -> jax.Array:
    part = _real(count) / (fall_steps or total_steps)
    return _along_cosine(base, final, jnp.minimum(part, 1))

  return warm_up(rate, warmup_steps)


@dataclasses.dataclass(frozen=True)
class OneCycle:
  """The learning rate of `one_cycle`, and the beta that moves against it.

  Attributes:
    ends: the update at which each phase ends.
    rates: at the start, and at each of `ends`.
    hold: the update from which the rate stays as it is.
  """

  ends: tuple[float, ...]
  rates: tuple[float, ...]
  hold: float

  def __call__(self, count: jax.Array) -> jax.Array:
    """Returns the learning rate by update count."""
    return self._along(count, self.rates)

  def beta1(self, count: jax.Array | int) -> jax.Array:
    """Returns Adam's first beta by update count, as torch moves it."""
    return self._along(count, (0.95, 0.85, *[0.95] * (len(self.ends) - 1)))

  def _along(
    self, count: jax.Array | int, values: tuple[float, ...]
  ) -> jax.Array:
    done = jnp.minimum(_real(count), self.hold)
    phases = zip((0.0, *self.ends), self.ends, values, values[1:], strict=False)
    *earlier, (start, end, value, last) = phases
    found = _along_cosine(value, last, (done - start) / (end - start))
    for start, end, value, last in reversed(earlier):
      part = (done - start) / max(end - start, 1e-9)
      found = jnp.where(done <= end, _along_cosine(value, last, part), found)
    return found


def one_cycle(
  base: float,
  total_steps: int,
  rise: Share = 0.3,
  divide_first: float = 25.0,
  divide_last: float = 1e4,
  three_phases: bool = False,
  hold: Share = 1.0,
) -> optax.Schedule:
  """Rises to the base rate and falls far below it (torch OneCycleLR).

  https://arxiv.org/abs/1708.07120

  Args:
    base: the highest rate.
    total_steps: updates of the run.
    rise: the part of the run that rises.
    divide_first: base / the first rate.
    divide_last: the first rate / the last one.
    three_phases: whether it falls to the first rate in as many updates as it
      rose, and from there to the last.
    hold: the part of the run from which the rate stays as it is then, as
      stochastic weight averaging wants it.

  Raises:
    UserError: three phases do not fit in the run.
  """
  if three_phases and rise > 0.5:
    raise UserError(
      f'config.schedule.rise is {rise}: with three_phases it must be 0.5 or'
      ' less, as the rate falls for as long as it rises'
    )
  first = base / divide_first
  last = first / divide_last
  top, end = rise * total_steps - 1, max(total_steps - 1, 1)
  return OneCycle(
    ends=(top, 2 * top, end) if three_phases else (top, end),
    rates=(first, base, first, last) if three_phases else (first, base, last),
    hold=hold * total_steps,
  )


def _along_cosine(start: float, end: float, part: jax.Array) -> jax.Array:
  part = jnp.clip(part, 0.0, 1.0)
  return end + (start - end) * 0.5 * (1.0 + jnp.cos(jnp.pi * part))


def warm_up(rate: optax.Schedule, steps: int) -> optax.Schedule:
  """Scales a schedule linearly, 1/steps, 2/steps ... over its first steps."""
  if not steps:
    return rate
  return lambda count: (
    rate(count) * jnp.minimum(1.0, (_real(count) + 1) / steps)
  )


def _real(count: jax.Array | int) -> jax.Array:
  return jnp.asarray(count).astype(jnp.float32)


OPTIMIZERS: dict[str, Callable[..., optax.GradientTransformation]] = {
  'adam': adam,
  'adamw': adamw,
  'sgd': sgd,
}
SCHEDULES: dict[str, Callable[..., optax.Schedule]] = {
  'step': step,
  'constant': constant,
  'cosine': cosine,
  'one_cycle': one_cycle,
}
# Those whose rate at every step depends on config.total_steps.
SPAN_THE_RUN = ('cosine', 'one_cycle')


def create(
  optimizer: Mapping[str, Any], schedule: Mapping[str, Any], total_steps: int
) -> tuple[optax.GradientTransformation, optax.Schedule]:
  """Returns a config's optimizer and its learning rate by update count.

  Args:
    optimizer: config.optimizer, such as dict(name='adam', learning_rate=1e-4,
      weight_decay=5e-4).
    schedule: config.schedule, such as dict(name='step', boundaries=(70_000,),
      factor=0.1).
    total_steps: updates of the run, for the schedules that end with it.

  Raises:
    UserError: an unknown name, or a field unknown, missing or wrong.
  """
  own = dict(optimizer)
  chosen = groups.read(own.pop('groups', {}))
  parameters = fields.keyword_only(common_fields)
  common = {key: own.pop(key) for key in parameters if key in own}
  fields.check(parameters, common, 'config.optimizer')
  base, clip = common['learning_rate'], common.get('clip_norm')
  rate = settings.call(
    SCHEDULES, schedule, 'config.schedule', base=base, total_steps=total_steps
  )
  all_decay = all(group.decay for group in chosen.groups.values())
  transform = settings.call(
    OPTIMIZERS,
    own,
    'config.optimizer',
    rate=rate,
    decays=None if all_decay else lambda tree: groups.each(tree, chosen.decays),
  )
  if clip is not None:
    transform = optax.chain(optax.clip_by_global_norm(clip), transform)
  return _in_groups(transform, chosen), rate


def common_fields(
  *, learning_rate: float, clip_norm: float | None = None
) -> None:
  """What every optimizer has.

  Args:
    learning_rate: the base rate, which the schedule scales.
    clip_norm: the largest norm of the gradient of all weights together; a
      larger one is scaled down to it. None means no limit.
  """


def _in_groups(
  transform: optax.GradientTransformation, chosen: Groups
) -> optax.GradientTransformation:
  """Returns a transformation that scales updates, and keeps frozen weights.

  Of those no moments are kept. Without groups it is the one given, with the
  same state.
  """
  if any(group.rate not in (0, 1) for group in chosen.groups.values()):
    transform = optax.chain(transform, _scale_by(chosen.rate))
  if not chosen.freeze:
    return transform

  def labels(tree: Any) -> Any:
    return groups.each(
      tree, lambda path: 'learn' if chosen.rate(path) else 'keep'
    )

  kinds = {'learn': transform, 'keep': optax.set_to_zero()}
  return optax.partition(kinds, labels)


def _scale_by(factor: Callable[[str], float]) -> optax.GradientTransformation:
  """Multiplies each update by a factor of its weight's path."""

  def scale(updates: Any, params: Any = None) -> Any:
    del params
    return jax.tree_util.tree_map_with_path(
      lambda path, x: x * factor(paths.name(path)), updates
    )

  return optax.stateless(scale)
