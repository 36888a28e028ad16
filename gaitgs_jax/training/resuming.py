"""Which fields of a config may change when a run is resumed.

A change is allowed if the steps already made would have been the same with it,
up to the rounding of sums that are split differently.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from flax import traverse_util

from gaitgs_jax import models
from gaitgs_jax.errors import UserError
from gaitgs_jax.training import optimizers


class Rule(NamedTuple):
  """Whether a field or section may change, and why."""

  may_change: bool
  why: str


# The longest name that a field starts with decides. Two fields have conditions
# of their own, below.
RULES: dict[str, Rule] = {
  'seed': Rule(False, 'every random draw follows from it'),
  'total_steps': Rule(
    True, 'unless the learning rate or the averaging depends on it'
  ),
  'log_every': Rule(True, 'changes only what is printed'),
  'tensorboard': Rule(True, 'changes only what is written'),
  'dataset': Rule(False, 'the weights were trained on this data'),
  'dataset.root': Rule(True, 'where the same data is'),
  'dataset.format': Rule(
    True, 'how the same data is stored; its order does not matter'
  ),
  'dataset.cache': Rule(True, 'changes only the speed'),
  'dataset.on_error': Rule(
    True, "from 'raise' to 'skip' only: nothing had been left out before"
  ),
  'mixture': Rule(
    False, 'as of `dataset`; root, format and cache of each may change too'
  ),
  'inputs': Rule(False, 'the weights were trained on these inputs'),
  'batch': Rule(False, 'the weights were trained on these batches'),
  'accumulate': Rule(False, 'BatchNorm and dropout see other parts of a batch'),
  'remat': Rule(True, 'computes the same numbers with less memory'),
  'augment': Rule(False, 'the weights were trained on these inputs'),
  'model_name': Rule(False, 'the weights belong to this model'),
  'model': Rule(False, 'the weights belong to this model'),
  'losses': Rule(False, 'the weights were trained with these losses'),
  'optimizer': Rule(False, 'its state belongs to this optimizer'),
  'schedule': Rule(False, 'the weights were trained at these rates'),
  'init': Rule(False, 'the weights started from it'),
  'teacher': Rule(False, 'the losses may have read it'),
  'evaluation': Rule(True, 'changes nothing in training'),
  'gallery': Rule(True, 'changes nothing in training'),
  'others': Rule(True, 'changes nothing in training'),
  'published': Rule(True, 'changes nothing in training'),
  'average': Rule(False, 'decides which weights are in the mean so far'),
  'checkpoint': Rule(True, 'changes only what is written'),
  'mesh': Rule(True, 'where the same sums are computed'),
}

# May be left out, or written out: a checkpoint says what it was built with.
_FROM_DATA = tuple(f'model.{name}' for name in models.FACTS)
_ABSENT = '(absent)'
# Of another version's config.
_UNKNOWN = Rule(False, 'nothing is known about this field')


def check(
  before: Mapping[str, Any], now: Mapping[str, Any], step: int, where: Any
) -> None:
  """Checks that a run may go on with a config.

  Args:
    before: the config that the run had, as plain JSON.
    now: the config to go on with, as plain JSON.
    step: number of steps made.
    where: the run's workdir, for messages.

  Raises:
    UserError: steps already made would have been different.
  """
  one, other = _flat(before), _flat(now)
  changed = [
    f'{key} was {one.get(key, _ABSENT)!r} and is {other.get(key, _ABSENT)!r}'
    for key in sorted({*one, *other})
    if one.get(key, _ABSENT) != other.get(key, _ABSENT)
    and not rule_of(key).may_change
    and not (key in _FROM_DATA and key not in one.keys() & other.keys())
    and not _is_default(key, one, other)
  ]
  if changed:
    raise UserError(
      f'{where} holds a run of another config: {"; ".join(changed)}. '
      'Take another --workdir, or set these fields back'
    )
  _check_left_out(one, other, where)
  _check_total(before, now, step, where)


def _is_default(
  key: str, one: Mapping[str, Any], other: Mapping[str, Any]
) -> bool:
  """Returns whether one leaves a model's default out and other has it."""
  name = other.get('model_name')
  if key in one.keys() & other.keys() or name not in models.names():
    return False
  if one.get('model_name') != name or not key.startswith('model.'):
    return False
  fields = models.fields(name)
  field = key.partition('.')[2]
  default = fields[field].default if field in fields else _ABSENT
  default = list(default) if isinstance(default, tuple) else default
  return bool(default == one.get(key, other.get(key)))


def check_reached(total_steps: int, step: int, where: Any) -> None:
  """Raises UserError if a run is past the last step it should make."""
  if step > total_steps:
    raise UserError(
      f'{where} is at step {step} already, and config.total_steps is '
      f'{total_steps}: set --config.total_steps={step} or more to use this '
      f'run, or train for {total_steps} steps in another --workdir'
    )


def rule_of(field: str) -> Rule:
  """Returns the rule of a field such as 'dataset.root'."""
  # Of mixture.LABEL.root too.
  name = re.sub(r'^mixture\.[^.]+\.', 'dataset.', field)
  while name not in RULES and '.' in name:
    name = name.rpartition('.')[0]
  return RULES.get(name, _UNKNOWN)


def _check_left_out(
  one: Mapping[str, Any], other: Mapping[str, Any], where: Any
) -> None:
  key = 'dataset.on_error'
  before, now = (fields.get(key, 'raise') for fields in (one, other))
  if before == 'skip' and now != 'skip':
    raise UserError(
      f'{where}: {key} was {before!r} and is {now!r}, but batches so far may '
      f'have left out sequences that cannot be read: set --config.{key}=skip'
    )


def _check_total(
  before: Mapping[str, Any], now: Mapping[str, Any], step: int, where: Any
) -> None:
  was, total = before.get('total_steps'), now['total_steps']
  schedule = now['schedule'].get('name')
  if was == total or not step:
    return
  if schedule in optimizers.SPAN_THE_RUN:
    reason = f'the {schedule} schedule spans the whole run'
  elif now['average']['start'] < 1:
    reason = 'config.average starts at a part of the whole run'
  else:
    return
  raise UserError(
    f'{where}: config.total_steps was {was} and is {total}, but {reason}, so '
    f'the {step} steps made so far belong to a run of {was}. Set '
    f'--config.total_steps={was} to use it, or train for {total} steps in '
    'another --workdir'
  )


def _flat(config: Mapping[str, Any]) -> dict[str, Any]:
  flat = traverse_util.flatten_dict(
    dict(config), keep_empty_nodes=True, sep='.'
  )
  # What is empty was a dict in earlier versions and may be a list now.
  empty = traverse_util.empty_node
  return {name: [] if x is empty else x for name, x in flat.items()}
