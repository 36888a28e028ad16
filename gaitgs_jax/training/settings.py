"""What a config must hold: every field named, none misspelt.

A config is the whole truth of one run, so nothing has a hidden default: the
fields that the loop reads must be there, and no others.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gaitgs_jax.errors import UserError, wrong_choice
from gaitgs_jax.models import remat

# Section -> its fields; an empty tuple leaves them to the room that reads it.
FIELDS: dict[str, tuple[str, ...]] = {
  'seed': (),
  'total_steps': (),
  'log_every': (),
  'tensorboard': (),
  'dataset': (),
  'batch': (),
  'accumulate': (),
  'remat': (),
  'augment': (),
  'model_name': (),
  'model': (),
  'losses': (),
  'optimizer': (),
  'schedule': (),
  'evaluation': (
    'protocol',
    'metric',
    'every_steps',
    'batch_size',
    'untrained',
    'baseline',
    'transform',
  ),
  'average': ('start', 'every', 'statistics_steps'),
  'checkpoint': ('every_steps',),
  'mesh': ('data', 'model'),
}

_SECTIONS = (
  'dataset',
  'batch',
  'model',
  'losses',
  'optimizer',
  'schedule',
  'evaluation',
  'average',
  'checkpoint',
  'mesh',
)

_TEXTS = ('model_name', 'dataset.name')
_POSITIVE = (
  'total_steps',
  'log_every',
  'accumulate',
  'batch.subjects',
  'batch.sequences',
  'evaluation.every_steps',
  'evaluation.batch_size',
  'checkpoint.every_steps',
)


def _check_names(
  where: str, given: Iterable[str], allowed: Iterable[str]
) -> None:
  given, allowed = list(given), list(allowed)
  for name in given:
    if name not in allowed:
      raise wrong_choice(f'{where} has no field {name!r}', name, allowed)
  missing = [name for name in allowed if name not in given]
  if missing:
    raise UserError(f'{where} lacks {", ".join(missing)}')


def _field(config: Any, path: str) -> Any:
  value = config
  for part in path.split('.'):
    if part not in value:
      raise UserError(f'config.{path} is missing')
    value = value[part]
  return value


def check(config: Any) -> None:
  """Raises UserError where a config has a field too many or too few."""
  _check_names('the config', config.keys(), FIELDS)
  for section in _SECTIONS:
    if not hasattr(config[section], 'keys'):
      raise UserError(
        f'config.{section} is {config[section]!r}; it must be a '
        'section, a dict of fields'
      )
  for section, fields in FIELDS.items():
    if fields:
      _check_names(f'config.{section}', config[section].keys(), fields)
  for path in _TEXTS:
    value = _field(config, path)
    if not isinstance(value, str):
      raise UserError(f'config.{path} is {value!r}; it must be text')
  for path in _POSITIVE:
    value = _field(config, path)
    if not isinstance(value, int) or value < 1:
      raise UserError(
        f'config.{path} is {value!r}; it must be a whole number, 1 or more'
      )
  if config.remat not in remat.LEVELS:
    raise wrong_choice(
      f'config.remat is {config.remat!r}', config.remat, remat.LEVELS
    )


def check_options(
  function: Callable[..., Any], given: Iterable[str], where: str
) -> None:
  """Raises UserError unless the names are a function's keyword-only ones.

  Those without a default must be among them.
  """
  parameters = inspect.signature(function).parameters.values()
  allowed = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
  optional = [p.name for p in allowed if p.default is not p.empty]
  _check_names(where, [*given, *optional], [p.name for p in allowed])


def call(
  choices: Mapping[str, Callable[..., Any]],
  section: Mapping[str, Any],
  where: str,
  **given: Any,
) -> Any:
  """Calls the function that a config section names with its other fields.

  Args:
    choices: functions by the name a config calls them; their keyword
      arguments are the section's fields.
    section: {'name': ..., field: value, ...}.
    where: the section's name in messages, such as 'config.optimizer'.
    **given: arguments that do not come from the config.

  Raises:
    UserError: an unknown name, or a field unknown or missing.
  """
  if section.get('name') not in choices:
    name = section.get('name')
    raise wrong_choice(f'{where}.name is {name!r}', name, choices)
  function = choices[section['name']]
  fields = {key: value for key, value in section.items() if key != 'name'}
  parameters = inspect.signature(function).parameters
  allowed = [key for key in parameters if key not in given]
  optional = [
    k for k in allowed if parameters[k].default is not inspect.Parameter.empty
  ]
  _check_names(where, {*optional, *fields}, allowed)
  return function(**fields, **given)
