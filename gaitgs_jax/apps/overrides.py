"""`--config.FIELD=VALUE` for fields that a config may have but does not name.

A config names the losses, transforms and options that it uses; the shell may
add others, such as --config.losses.second.kind=triplet. An element of a list is
named by its number: --config.augment.0.probability=0.3, and the number after
the last adds one. Fields that are there already are set by ml_collections.
"""

import ast
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ml_collections import ConfigDict, config_dict

from gaitgs_jax import errors, older
from gaitgs_jax.errors import UserError

# Sections that may gain fields; others are whole in every config.
_OPEN = re.compile(
  r'(inputs|losses|mixture|optimizer\.groups)(\.\w+){1,2}'
  r'|(batch|dataset|init|model|optimizer|schedule|teacher)\.\w+'
  r'|(gallery|others)(\.\w+)*'
)
# Fields that are sections, whatever is given for them.
_SECTION = re.compile(
  r'(inputs|losses|mixture|optimizer\.groups)\.\w+'
  r'|optimizer\.groups|init|mixture|teacher'
  r'|(gallery|others|others\.\w+)(\.dataset|\.inputs(\.\w+)?)?'
)
# Lists of transforms, and a field of one.
_LIST = re.compile(r'(augment|evaluation\.transform)[.[]')
_ELEMENT = re.compile(r'(augment|evaluation\.transform)\[(\d{1,3})\]\.(\w+)')
# (section, all fields that are being added) -> what it may hold.
Allowed = Callable[[tuple[str, ...], frozenset[str]], Iterable[str]]


def fields(argv: Sequence[str]) -> list[str]:
  """Returns the fields that a command line sets, such as 'batch.subjects'."""
  found = [re.match(r'--?(?:no)?config\.([^=]+)', word) for word in argv]
  return [match.group(1) for match in found if match]


def with_brackets(argv: Sequence[str]) -> list[str]:
  """Returns a command line as ml_collections reads it.

  --config.augment.0.degrees=5 is --config.augment[0].degrees=5 there.
  """

  def spelled(word: str) -> str:
    if not re.match(r'--?(no)?config\.', word):
      return word
    name, equals, value = word.partition('=')
    return re.sub(r'\.(\d+)(?=\.|$)', r'[\1]', name) + equals + value

  return [spelled(word) for word in argv]


def make_room(config: ConfigDict, argv: Sequence[str]) -> None:
  """Adds the fields that a command line sets and the config does not name.

  Raises:
    UserError: a section does not have such a field.
  """
  _set_elements(config, argv)
  absent = [
    field for field in fields(argv) if not _has(config, field.split('.'))
  ]
  if not absent:
    return
  # Imported late: it takes seconds, which other command lines need not.
  from gaitgs_jax.training import choices

  lacking = [field for field in absent if _OPEN.fullmatch(field)]
  for field in absent:
    for path, instead in older.MOVED.items():
      if f'{field}.'.startswith(f'{path}.'):
        raise UserError(f'there is no config.{path} any more: {instead}')
  for field in lacking:
    _add(config, field, frozenset(lacking), choices.allowed)


def _set_elements(config: ConfigDict, argv: Sequence[str]) -> None:
  """Sets fields of transforms in lists, and adds a transform at their end.

  Raises:
    UserError: there is no such element or field, or its value is wrong.
  """
  changed = {}
  for word in argv:
    name, equals, text = word.partition('=')
    field = ''.join(fields([name]))
    path = _LIST.match(field)
    if not path:
      continue
    element = _ELEMENT.fullmatch(field)
    if not element or not equals:
      raise UserError(
        f'config.{path[1]} is a list of transforms: set a field of its first '
        f'one with --config.{path[1]}.0.probability=0.3, or the whole list'
      )
    *sections, last = path[1].split('.')
    holder = config
    for section in sections:
      holder = holder[section]
    _set_element(holder, last, element, text)
    changed[path[1]] = holder[last]
  if changed:
    # Imported late: it takes seconds, which other command lines need not.
    from gaitgs_jax.input import transform_lists

    for where, chosen in changed.items():
      list(transform_lists.checked(chosen, f'config.{where}'))


def _set_element(
  holder: ConfigDict, last: str, element: re.Match[str], text: str
) -> None:
  """Sets one field of one element of the list holder[last]."""
  chosen, place = holder[last], int(element[2])
  if hasattr(chosen, 'keys') and chosen:
    return  # Of an earlier version; the check says so.
  items = list(chosen)
  if place > len(items):
    raise UserError(
      f'config.{element[1]} has {len(items)} transforms, numbered from 0: '
      f'--config.{element[1]}.{len(items)}.name=NAME adds one'
    )
  if place == len(items):
    items.append({})
  if hasattr(items[place], 'keys'):
    items[place][element[3]] = _literal(text)
  with holder.ignore_type():
    holder[last] = tuple(items)


def _literal(text: str) -> Any:
  try:
    return ast.literal_eval(text)
  except (ValueError, SyntaxError, RecursionError, MemoryError):
    return text


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
