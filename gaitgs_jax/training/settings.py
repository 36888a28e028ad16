"""What a config must hold: every field named, none misspelt.

A config is the whole truth of one run, so nothing has a hidden default: the
fields that the loop reads must be there, and no others.
"""

import contextlib
import dataclasses
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from gaitgs_jax import fields, older
from gaitgs_jax.errors import BadValue, UserError, one_line, wrong_choice
from gaitgs_jax.input import mixture, transform_lists
from gaitgs_jax.models import remat
from gaitgs_jax.training import averaging, elsewhere
from gaitgs_jax.training.meanings import MEANINGS


def _fields() -> dict[str, tuple[str, ...]]:
  fixed: dict[str, tuple[str, ...]] = {}
  for path in MEANINGS:
    section, _, field = path.partition('.')
    fixed[section] = (*fixed.get(section, ()), *([field] if field else []))
  # Read where they are used, some of them optional.
  return fixed | dict.fromkeys(
    (
      'dataset',
      'gallery',
      'others',
      'mixture',
      'inputs',
      'batch',
      'optimizer',
      'schedule',
    ),
    (),
  )


# Section -> its fields; an empty tuple leaves them to the module that reads it.
FIELDS = _fields()


@dataclasses.dataclass(frozen=True)
class Init:
  """Where the weights of a new run come from.

  Attributes:
    checkpoint: a workdir, a checkpoints folder or one step in it; or a file of
      PyTorch (.pt, .pth) or .safetensors with the published names, which may
      be hf://owner/repository/path.
    keep: a pattern of the paths of the weights that are taken, or several, such
      as 'extractor/*'.
  """

  checkpoint: str
  keep: str | Sequence[str] = '*'


# Sections that a config may do without, and what takes their fields.
OPTIONAL: dict[str, Callable[..., Any]] = {
  'init': Init,
  'teacher': averaging.teacher,
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

# Of the others, what a config need not have.
_OPTIONAL = ('gallery', 'mixture', 'others', 'published')

# What a model can compute in.
DTYPES = ('float32', 'bfloat16', 'float16')

# Fields that using a trained model takes, next to its sections.
_USED = ('inputs', 'evaluation.transform')
# More steps than any run makes, and more rows or weights than memory holds.
_STEPS, _MANY = 1_000_000_000, 1_000_000
_FRAMES = 1_000_000_000
# Field -> the least and the greatest whole number that it takes.
_WHOLE = {
  # JAX takes 32 bits of it.
  'seed': (0, 2**32 - 1),
  'total_steps': (1, _STEPS),
  'log_every': (1, _STEPS),
  'accumulate': (1, _MANY),
  'evaluation.every_steps': (1, _STEPS),
  'evaluation.batch_frames': (1, _FRAMES),
  'evaluation.frames_max': (0, _FRAMES),
  'checkpoint.every_steps': (1, _STEPS),
  'mesh.data': (-1, _MANY),
  'mesh.model': (1, _MANY),
}
# Layers are built one by one.
_MODEL = {'depth': 1000}
# Other fields -> their type, and a number that they may be as low as.
_TYPES: dict[str, tuple[Any, Any]] = {
  'model_name': (str, None),
  'dataset.name': (str, None),
  'tensorboard': (bool, None),
  'evaluation.protocol': (str, None),
  'evaluation.metric': (str, None),
  'evaluation.dtype': (str, None),
  'evaluation.untrained': (bool, None),
  'evaluation.verification': (bool, None),
  'evaluation.baseline': (bool, None),
  'average.start': (float, None),
  'average.every': (int, None),
  'average.statistics_steps': (int, 0),
}
# Lists of transforms.
_LISTS = ('augment', 'evaluation.transform')


@contextlib.contextmanager
def in_section(section: str) -> Iterator[None]:
  """Puts a config's section in front of what is wrong with its values.

  Whatever else is raised is a fault in code, and keeps its traceback.

  Raises:
    UserError: a value of the section does not fit.
  """
  try:
    yield
  except BadValue as error:
    raise UserError(f'{section}: {error}') from error


def _field(config: Any, path: str) -> Any:
  value = config
  for part in path.split('.'):
    if part not in value:
      raise UserError(f'config.{path} is missing')
    value = value[part]
  return value


def check(config: Any) -> None:
  """Raises UserError where a config has a field too many, too few or wrong."""
  optional = (*_OPTIONAL, *OPTIONAL)
  given = [name for name in optional if name in config]
  allowed = (*FIELDS, *OPTIONAL)
  _check_moved(config)
  fields.check_names('the config', (*config.keys(), *optional), allowed)
  _check_sections(config, (*_SECTIONS, *given))
  for name in given:
    if name in OPTIONAL:
      parameters = inspect.signature(OPTIONAL[name]).parameters
      fields.check(parameters, config[name], f'config.{name}')
  for section, names in FIELDS.items():
    if names and section in config:
      fields.check_names(f'config.{section}', config[section].keys(), names)
  _check_sections(config, [f'losses.{name}' for name in config.losses])
  _check_elsewhere(config)
  if 'mixture' in config:
    _check_mixture(config)
  elif 'mixture_power' in config.batch:
    raise UserError(
      'config.batch.mixture_power goes with config.mixture: leave it out'
    )
  for path in _LISTS:
    list(transform_lists.checked(_field(config, path), f'config.{path}'))
  for path, (least, most) in _WHOLE.items():
    _check_whole(f'config.{path}', _field(config, path), least, most)
  _check_model_sizes(config.model)
  _check_types(config, _TYPES)
  _check_dtypes(config)
  if config.remat not in remat.LEVELS:
    raise wrong_choice(
      f'config.remat is {config.remat!r}', config.remat, remat.LEVELS
    )


def _check_elsewhere(config: Any) -> None:
  sections = ['gallery'] if 'gallery' in config else []
  if 'others' in config:
    _check_sections(config, ['others'])
    sections += [f'others.{label}' for label in config.others]
  _check_sections(config, sections)
  allowed = inspect.signature(elsewhere.changed).parameters
  for section in sections:
    fields.check(allowed, _field(config, section), f'config.{section}')


def _check_mixture(config: Any) -> None:
  _check_sections(config, ['mixture'])
  _check_sections(config, [f'mixture.{label}' for label in config.mixture])
  mixture.check(config.mixture)


def _check_whole(where: str, value: Any, least: int, most: int) -> None:
  """Raises UserError unless a value is a whole number of a range."""
  wrong = fields.whole_problem(value, least, most)
  if wrong:
    raise UserError(f'{where} is {one_line(repr(value))}; it must be {wrong}')


def _check_model_sizes(model: Any) -> None:
  """Raises UserError for a number that no model could be built with."""
  for name, value in model.items():
    numbers = value if isinstance(value, list | tuple) else [value]
    for number in numbers:
      if isinstance(number, int) and not isinstance(number, bool):
        most = _MODEL.get(name, _MANY)
        _check_whole(f'config.model.{name}', number, -most, most)


def check_model(config: Any) -> None:
  """Raises UserError where a config lacks what using a trained model takes.

  Of a run of an older version it may lack other fields.
  """
  _check_sections(config, ('dataset', 'inputs', 'model', 'evaluation'))
  for path in _USED:
    _field(config, path)
  if 'mixture' in config:
    _check_mixture(config)
  # How many are embedded at once changes no embedding of an older run.
  _check_moved(config, but='evaluation.batch_size')
  used = ('model_name', 'dataset.name', 'evaluation.metric', 'evaluation.dtype')
  _check_types(config, used)
  _check_dtypes(config)


def _check_sections(config: Any, names: Iterable[str]) -> None:
  for name in names:
    value = _field(config, name)
    if not hasattr(value, 'keys'):
      raise UserError(
        f'config.{name} is {one_line(repr(value))}; it must be a section, a'
        ' dict of fields'
      )


def _check_moved(config: Any, but: str = '') -> None:
  for path, instead in older.MOVED.items():
    section, _, field = path.partition('.')
    given = config.get(section)
    if hasattr(given, 'keys') and field in given and path != but:
      raise UserError(f'there is no config.{path} any more: {instead}')


def _check_types(config: Any, names: Iterable[str]) -> None:
  for path in names:
    value = _field(config, path)
    wrong = fields.problem(value, *_TYPES[path])
    if wrong:
      raise UserError(
        f'config.{path} is {one_line(repr(value))}; it must be {wrong}'
      )


def _check_dtypes(config: Any) -> None:
  for section in ('evaluation', 'model'):
    dtype = config[section].get('dtype', DTYPES[0])
    if dtype not in DTYPES:
      raise wrong_choice(
        f'config.{section}.dtype is {dtype!r}', str(dtype), DTYPES
      )


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
    UserError: an unknown name, or a field unknown, missing or wrong.
  """
  if section.get('name') not in choices:
    name = section.get('name')
    raise wrong_choice(f'{where}.name is {name!r}', name, choices)
  function = choices[section['name']]
  own = {key: value for key, value in section.items() if key != 'name'}
  parameters = {
    key: parameter
    for key, parameter in inspect.signature(function).parameters.items()
    if key not in given
  }
  fields.check(parameters, own, where)
  return function(**own, **given)
