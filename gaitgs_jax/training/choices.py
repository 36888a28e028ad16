"""What a config may hold next to its fixed fields: names and their options.

Collected from the functions that take the options, so that the shell, the
checks and docs/config.md cannot disagree with the code.
"""

import dataclasses
import importlib
import inspect
import re
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

from gaitgs_jax import losses, models
from gaitgs_jax.input import (
  mixture,
  opening,
  samplers,
  sampling,
  sizes,
  transform_lists,
)
from gaitgs_jax.input.time_transforms import TIME
from gaitgs_jax.input.transform import Entry
from gaitgs_jax.modalities import MODALITIES
from gaitgs_jax.training import elsewhere, groups, optimizers, settings

# Arguments that do not come from a config.
_GIVEN = ('self', 'rngs', 'rate', 'decays', 'base', 'total_steps')
_WEIGHT = (
  ('weight', 1.0, 'Times the loss, in the sum.'),
  (
    'kind',
    None,
    'A loss of this table; None means the name in the log.',
  ),
)
# What transforms are for -> its modalities.
_FAMILIES = {
  'maps (silhouettes, heatmaps, depth, rgb, parsing)': (
    'silhouettes',
    'heatmaps',
    'depth',
    'rgb',
    'parsing',
  ),
  'keypoints': ('keypoints',),
  'points': ('points',),
}
# What every transform takes, next to its own options.
_DRAWN = {
  'probability': (
    'Share of the sequences, or frames, that it changes; not of one that '
    'changes their shape.'
  ),
  'per': (
    "'sequence' or 'frame': what is drawn and changed separately; not of one "
    'that needs the whole sequence.'
  ),
  'inputs': 'Modalities that it is for; None means all that have it.',
}


@dataclasses.dataclass(frozen=True)
class Option:
  """One option of something that a config names.

  Attributes:
    name: of the option.
    default: its value where the config does not say; `inspect.Parameter.empty`
      where it must.
    meaning: from the docstring.
  """

  name: str
  default: Any
  meaning: str


@dataclasses.dataclass(frozen=True)
class Choice:
  """Something that a config names.

  Attributes:
    summary: the first line of its docstring.
    options: what it takes.
    random: whether it draws random numbers, which an evaluation may not.
  """

  summary: str
  options: tuple[Option, ...]
  random: bool = False


def of_every_transform() -> Choice:
  """Returns the options that every transform has."""
  options = Entry(lambda x: x).options
  return Choice(
    '',
    tuple(Option(k, options[k].default, text) for k, text in _DRAWN.items()),
  )


def transforms() -> dict[str, dict[str, Choice]]:
  """Returns the transforms by name, by what they are for."""
  tables = transform_lists.TABLES
  own: dict[str, dict[str, Choice]] = {
    'all modalities': {
      name: _transform(entry)
      for name, entry in (transform_lists.COMMON | TIME).items()
    }
  }
  for what, names in _FAMILIES.items():
    found = {n: e for m in names for n, e in tables[m].items() if n not in TIME}
    own[what] = {
      name: _transform(entry, [m for m in names if name in tables[m]], names)
      for name, entry in found.items()
    }
  return own


def all_losses() -> dict[str, Choice]:
  """Returns the losses by kind."""
  weight = tuple(Option(*each) for each in _WEIGHT)
  return {
    name: dataclasses.replace(choice, options=(*weight, *choice.options))
    for name, choice in _choices(losses.LOSSES, keyword_only=True).items()
  }


def all_optimizers() -> dict[str, Choice]:
  """Returns the optimizers by name."""
  return _choices(optimizers.OPTIMIZERS)


def every_optimizer() -> Choice:
  """Returns the options of `config.optimizer` under any name."""
  return _of(optimizers.common_fields)


def optimizer_group() -> Choice:
  """Returns the options of each of `config.optimizer.groups`."""
  return _of(groups.Group, given=())


def optional_sections() -> dict[str, Choice]:
  """Returns the sections that a config may do without, with their fields."""
  return {name: _of(function) for name, function in settings.OPTIONAL.items()}


def all_schedules() -> dict[str, Choice]:
  """Returns the schedules of the learning rate by name."""
  return _choices(optimizers.SCHEDULES)


def batch() -> Choice:
  """Returns the fields of `config.batch` with any sampler."""
  choice = _of(sampling.FrameSpec)
  name = Option(
    'sampler',
    'pk',
    "A sampler of the table above, or a class of one's own by dotted name, "
    'which has what those of `gaitgs_jax/input/samplers.py` have; its fields '
    'are set here too.',
  )
  power = _of(sampling.BatchSpec, given=('sampler', 'frames')).options
  return dataclasses.replace(choice, options=(name, *choice.options, *power))


def batch_samplers() -> dict[str, Choice]:
  """Returns the samplers by name, with their fields of `config.batch`."""
  return _choices(samplers.SAMPLERS)


def all_models() -> dict[str, Choice]:
  """Returns the models by name, with the fields of `config.model`."""
  found = {}
  for name in models.names():
    module = importlib.import_module(f'gaitgs_jax.models.{name}')
    classes = [
      each
      for each in vars(module).values()
      if inspect.isclass(each) and each.__name__.lower() == name
    ]
    found[name] = _of(classes[0], classes[0].__init__)
  return found


def allowed(path: tuple[str, ...], added: frozenset[str]) -> set[str]:
  """Returns what may be added to a section of a config, beyond what it has.

  Args:
    path: of the section, such as ('losses', 'triplet').
    added: full names of the fields that are being added; they say which losses
      are called otherwise than by their kind.
  """
  match path:
    case ('dataset',):
      return set(opening.FIELDS)
    case ('inputs',):
      return set(MODALITIES)
    case ('gallery',) | ('others', _):
      return set(inspect.signature(elsewhere.changed).parameters)
    case ('gallery', 'dataset') | ('others', _, 'dataset'):
      return set(opening.FIELDS)
    case ('gallery', 'inputs') | ('others', _, 'inputs'):
      return set(MODALITIES)
    case ('gallery', 'inputs', _) | ('others', _, 'inputs', _):
      return set(sizes.FIELDS)
    case ('mixture', _):
      return set(mixture.FIELDS)
    case ('inputs', _):
      return set(sizes.FIELDS)
    case ('batch',):
      return _names({'': batch(), **batch_samplers()})
    case ('model',):
      return _names(all_models())
    case ('optimizer',):
      common = _names({'': every_optimizer()})
      return _names(all_optimizers()) | common | {'name', 'groups'}
    case ('optimizer', 'groups', _):
      return _names({'': optimizer_group()})
    case ('init' | 'teacher' as name,):
      return _names({'': optional_sections()[name]})
    case ('schedule',):
      return _names(all_schedules()) | {'name'}
    case ('losses',):
      named = {
        n.split('.')[1] for n in added if re.match(r'losses\.\w+\.kind', n)
      }
      return set(all_losses()) | named
    case ('losses', _):
      return _names(all_losses())
  return set()


def _names(choices: Mapping[Any, Choice]) -> set[str]:
  return {
    option.name for choice in choices.values() for option in choice.options
  }


def _choices(
  table: Mapping[str, Callable[..., Any]], keyword_only: bool = False
) -> dict[str, Choice]:
  return {
    name: _of(function, keyword_only=keyword_only)
    for name, function in table.items()
  }


def _transform(
  entry: Entry, own: Sequence[str] = (), all_of: Sequence[str] = ()
) -> Choice:
  """Returns a transform, and which of some modalities it is for."""
  choice = _of(entry.function)
  meanings = {each.name: each.meaning for each in choice.options}
  meanings['probability'] = 'Share that it changes.'
  options = tuple(
    Option(name, parameter.default, meanings[name])
    for name, parameter in entry.options.items()
    if name not in ('per', 'inputs')
  )
  only = '' if len(own) == len(all_of) else f' For {", ".join(own)} only.'
  random = entry.draws or (entry.probability or 1) < 1
  return Choice(choice.summary + only, options, random)


def _of(
  documented: Callable[..., Any],
  function: Callable[..., Any] | None = None,
  keyword_only: bool = False,
  given: Container[str] = _GIVEN,
) -> Choice:
  """Returns what a config may give to a function.

  Args:
    documented: its docstring is read, and of a class those of its parents, of
      which it may have arguments.
    function: its arguments are taken; `documented` by default.
    keyword_only: whether the others do not come from a config.
    given: arguments that do not.
  """
  text = inspect.getdoc(documented) or ''
  meanings: dict[str, str] = {}
  for each in reversed(getattr(documented, '__mro__', (documented,))):
    meanings |= _meanings(inspect.getdoc(each) or '')
  options = tuple(
    Option(p.name, p.default, meanings.get(p.name, ''))
    for p in inspect.signature(function or documented).parameters.values()
    if p.name not in given and (p.kind is p.KEYWORD_ONLY or not keyword_only)
  )
  return Choice(text.split('\n\n')[0].replace('\n', ' '), options)


def _meanings(docstring: str) -> dict[str, str]:
  """Returns the meanings of arguments in a docstring's Args or Attributes."""
  found: dict[str, str] = {}
  section = re.search(
    r'^(?:Args|Attributes):\n((?:  .*\n?|\n)+)', docstring, re.MULTILINE
  )
  for match in re.finditer(
    r'^  ([\w, ]+): (.+(?:\n    .+)*)',
    section.group(1) if section else '',
    re.M,
  ):
    meaning = ' '.join(match.group(2).split())
    for name in match.group(1).split(', '):
      found[name] = meaning[0].upper() + meaning[1:]
  return found
