"""`--config.FIELD=VALUE` for fields that a config may have but does not name.

A config names the transforms, losses and options that it uses; the shell may
add others: --config.augment.flip.probability=0.3 adds the transform, and
--config.augment.rotate={} one without options. Fields that are there already
are set by ml_collections.
"""

import re
from collections.abc import Callable, Iterable, Sequence

from ml_collections import ConfigDict, config_dict

from gaitgs_jax import errors
from gaitgs_jax.errors import UserError

# Sections that may gain fields; others are whole in every config.
_OPEN = re.compile(
  r'(augment|evaluation\.transform|losses|optimizer\.groups)(\.\w+){1,2}'
  r'|(batch|dataset|init|model|optimizer|schedule|teacher)\.\w+'
)
# Fields that are sections, whatever is given for them.
_SECTION = re.compile(
  r'(augment|evaluation\.transform|losses|optimizer\.groups)\.\w+'
  r'|optimizer\.groups|init|teacher'
)
# (section, all fields that are being added) -> what it may hold.
Allowed = Callable[[tuple[str, ...], frozenset[str]], Iterable[str]]


def fields(argv: Sequence[str]) -> list[str]:
  """Returns the fields that a command line sets, such as 'batch.subjects'."""
  found = [re.match(r'--?(?:no)?config\.([^=]+)', word) for word in argv]
  return [match.group(1) for match in found if match]


def make_room(config: ConfigDict, argv: Sequence[str]) -> None:
  """Adds the fields that a command line sets and the config does not name.

  Raises:
    UserError: a section does not have such a field.
  """
  lacking = [
    field
    for field in fields(argv)
    if _OPEN.fullmatch(field) and not _has(config, field.split('.'))
  ]
  if not lacking:
    return
  # Imported late: it takes seconds, which other command lines need not.
  from gaitgs_jax.training import choices, settings

  for field in lacking:
    for path, instead in settings.MOVED.items():
      if f'{field}.'.startswith(f'{path}.'):
        raise UserError(f'there is no config.{path} any more: {instead}')
    _add(config, field, frozenset(lacking), choices.allowed)


def _has(config: ConfigDict, path: Sequence[str]) -> bool:
  value = config
  for name in path:
    if not isinstance(value, ConfigDict) or name not in value:
      return False
    value = value[name]
  return True


def _add(
  config: ConfigDict, field: str, added: frozenset[str], allowed: Allowed
) -> None:
  names = field.split('.')
  section = config
  for depth, name in enumerate(names):
    if not isinstance(section, ConfigDict):
      return  # ml_collections says what is wrong.
    path = tuple(names[:depth])
    names_there = allowed(path, added)
    if name not in section and names_there and name not in names_there:
      raise errors.wrong_choice(
        f'no field {name!r} in --config.{field}', name, sorted(names_there)
      )
    if name not in section:
      # An option is any literal.
      is_section = _SECTION.fullmatch('.'.join(names[: depth + 1]))
      section[name] = (
        ConfigDict() if is_section else config_dict.placeholder(object)
      )
    section = section[name]
