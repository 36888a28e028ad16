"""A protocol of the user's own as a JSON file, see docs/protocols.md."""

import dataclasses
import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any

from gaitgs_jax import cloud, fields, files
from gaitgs_jax.errors import UserError, one_line, shortened, wrong_choice
from gaitgs_jax.evaluation.protocols.benchmarks import PROTOCOLS
from gaitgs_jax.evaluation.protocols.rules import (
  CLASSIFICATION,
  Protocol,
  Rerank,
  Rule,
  Values,
)

# Where a file is silent: all views in one gallery, every probe alike.
_DEFAULTS: Mapping[str, Any] = {
  'mean_over': 'probes',
  'dropped': [],
  'metrics': ['rank1', 'rank5', 'mAP', 'mINP'],
}
_FIELDS = tuple(field.name for field in dataclasses.fields(Protocol))


def read(path: str) -> Protocol:
  """Reads a protocol; the file's name is its name where it gives none.

  Raises:
    UserError: there is no such file, or what is wrong in it and where.
  """
  file = cloud.folder(path)
  try:
    content = files.read_json(file)
  except OSError as error:
    raise UserError(
      f'cannot read protocol {path}: {error.strerror or error}'
    ) from error
  except ValueError as error:
    raise UserError(f'protocol {path}: not JSON ({one_line(error)})') from error
  names = {'name': file.stem, 'title': file.stem}
  if isinstance(content, dict):
    content = {**names, **_defaults(content), **content}
  protocol = parse(content, f'protocol {path}')
  if protocol.name in PROTOCOLS:
    raise UserError(
      f'protocol {path}: {protocol.name!r} is the name of a published '
      'protocol; give this one another with "name"'
    )
  return protocol


def _defaults(content: Mapping[str, Any]) -> dict[str, Any]:
  defaults = dict(_DEFAULTS)
  if content.get('mean_over') == 'cells':
    defaults |= {'dropped': ['view'], 'metrics': ['rank1']}
  if content.get('classes'):
    defaults['metrics'] = [*CLASSIFICATION]
    defaults |= {'gallery': {}, 'probes': {}}
  return defaults


def parse(content: Any, where: str) -> Protocol:
  """Makes a protocol of what `Protocol.plain` gives.

  Args:
    content: JSON values.
    where: where they stand, for messages.

  Raises:
    UserError: what is wrong, and in which field.
  """
  try:
    content = _object(content, 'the file')
    for name in content:
      if name not in _FIELDS:
        raise wrong_choice(f'no field {name!r}', name, _FIELDS)
    for name in ('gallery', 'probes'):
      if name not in content:
        raise UserError(
          f'{name} is missing; give a rule such as {{"condition": "nm-*"}}'
        )
    return Protocol(
      **{
        name: _READERS.get(name, _text)(value, name)
        for name, value in content.items()
      }
    )
  except UserError as error:
    raise UserError(f'{where}: {error}') from error


def _probes(value: Any, where: str) -> Mapping[str, Rule]:
  rules = _rules(value, where)
  return {'': rules} if isinstance(rules, Rule) else rules


def _rules(value: Any, where: str) -> Rule | dict[str, Rule]:
  """Returns a rule, or rules by the name of their probes."""
  content = _object(value, where)
  named = [name for name in content if name != 'not']
  if named and all(isinstance(content[name], dict) for name in named):
    return {name: _rule(content[name], f'{where}.{name}') for name in content}
  return _rule(content, where)


def _rule(value: Any, where: str) -> Rule:
  content = _object(value, where)
  excluded = content.get('not')
  return Rule(
    {
      name: _values(wanted, f'{where}.{name}')
      for name, wanted in content.items()
      if name != 'not'
    },
    None if excluded is None else _rule(excluded, f'{where}.not'),
  )


def _values(value: Any, where: str) -> Values:
  if isinstance(value, bool):
    return value
  values = value if isinstance(value, list) else [value]
  if values and all(map(_is_text, values)):
    return tuple(values)
  raise UserError(
    f'{where} is {_shown(value)}; it must be a name in quotes, a list of '
    'names, true or false'
  )


def _texts(value: Any, where: str) -> tuple[str, ...]:
  if isinstance(value, list) and all(map(_is_text, value)):
    return tuple(value)
  raise UserError(
    f'{where} is {_shown(value)}; it must be a list of names in quotes'
  )


def _text(value: Any, where: str) -> str:
  if _is_text(value):
    return value
  raise UserError(f'{where} is {_shown(value)}; it must be text in quotes')


def _is_text(value: Any) -> bool:
  """Returns whether a value is text that may be printed as it is."""
  return isinstance(value, str) and value.isprintable()


def _object(value: Any, where: str) -> dict[str, Any]:
  if not isinstance(value, dict):
    raise UserError(f'{where} is {_shown(value)}; it must be an object {{...}}')
  if odd := [name for name in value if not name.isprintable()]:
    raise UserError(f'{where} has the field {odd[0]!a}')
  return value


def _rerank(value: Any, where: str) -> Rerank:
  content = _object(value, where)
  fields.check(inspect.signature(Rerank).parameters, content, where)
  return Rerank(**content)


def _shown(value: Any) -> str:
  return shortened(json.dumps(value), 60)


_READERS: dict[str, Callable[[Any, str], Any]] = {
  'gallery': _rules,
  'probes': _probes,
  'dropped': _texts,
  'metrics': _texts,
  'classes': _texts,
  'ignored': _rule,
  'rerank': _rerank,
}
