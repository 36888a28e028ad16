"""Checks fields of a config against the function that takes them.

Names, types and ranges are those of the function's signature, so that a wrong
value is found before the call, and what the call raises is a fault in code.
"""

import collections.abc
import inspect
import math
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gaitgs_jax.errors import UserError, wrong_choice, wrong_value

# More than any count in a config; 32 bits hold it, as on the device.
_LARGEST = 1_000_000_000
# A part of a whole.
Share = typing.Annotated[float, '0 to 1']


def check(
  parameters: Mapping[str, inspect.Parameter],
  given: Mapping[str, Any],
  where: str,
) -> None:
  """Checks the names and the values of a config section.

  Annotations say the types. Whole numbers are at least 1 and other numbers at
  least 0, unless the default is less; a `Share` is at most 1. What has another
  annotation is not checked.

  Args:
    parameters: of the function that takes the fields, by name.
    given: field -> value.
    where: the section's name in messages, such as 'config.optimizer'.

  Raises:
    UserError: a field is unknown or missing, or its value does not fit.
  """
  optional = [p.name for p in parameters.values() if p.default is not p.empty]
  check_names(where, [*given, *optional], parameters)
  for name, value in given.items():
    annotation = parameters[name].annotation
    choices = typing.get_args(annotation)
    if typing.get_origin(annotation) is typing.Literal:
      if value not in choices:
        raise wrong_choice(f'{where}.{name} is {value!r}', value, choices)
    elif wrong := problem(value, annotation, parameters[name].default):
      raise wrong_value(f'{where}.{name}', value, wrong)


def check_names(
  where: str, given: Iterable[str], allowed: Iterable[str]
) -> None:
  """Raises UserError for a name that is not allowed, or one that is missing."""
  given, allowed = list(given), list(allowed)
  for name in given:
    if name not in allowed:
      raise wrong_choice(f'{where} has no field {name!r}', name, allowed)
  missing = [name for name in allowed if name not in given]
  if missing:
    raise UserError(f'{where} lacks {", ".join(missing)}')


def keyword_only(function: Any) -> dict[str, inspect.Parameter]:
  """Returns the keyword-only parameters of a function by name."""
  found = inspect.signature(function).parameters
  return {k: p for k, p in found.items() if p.kind is p.KEYWORD_ONLY}


def problem(value: Any, annotation: Any, default: Any = None) -> str:
  """Returns what a value should be instead, '' where it fits.

  Args:
    value: of a field.
    annotation: its type.
    default: a number here may be lower than the least otherwise allowed.
  """
  if annotation is bool:
    return '' if isinstance(value, bool) else 'True or False'
  if annotation is str:
    return '' if isinstance(value, str) else 'text'
  if annotation is None or annotation is types.NoneType:
    return '' if value is None else 'None'
  if annotation is Share:
    fits = not _number_problem(value, float, default) and value <= 1
    return '' if fits else '0 to 1'
  if annotation is int or annotation is float:
    return _number_problem(value, annotation, default)
  origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
  if origin is typing.Literal:
    return '' if value in inner else f'one of {", ".join(map(repr, inner))}'
  if origin in (types.UnionType, typing.Union):
    problems = [problem(value, each, default) for each in inner]
    return '' if '' in problems else ' or '.join(problems)
  if origin in (collections.abc.Sequence, tuple):
    return _sequence_problem(value, inner[0], default)
  return ''


def _number_problem(value: Any, kind: type, default: Any) -> str:
  least: float = 1 if kind is int else 0
  if isinstance(default, int | float) and not isinstance(default, bool):
    least = min(least, default)
  number = isinstance(value, int | float) and not isinstance(value, bool)
  if kind is float:
    fits = number and math.isfinite(value) and value >= least
    return '' if fits else f'a finite number, {least} or more'
  return whole_problem(value, least, _LARGEST)


def whole_problem(value: Any, least: float, most: int) -> str:
  """Returns what a whole number should be instead, '' where it fits."""
  whole = isinstance(value, int) and not isinstance(value, bool)
  if whole and least <= value <= most:
    return ''
  return f'a whole number from {least:,} to {most:,}'


def _sequence_problem(value: Any, kind: Any, default: Any) -> str:
  items = default if isinstance(default, Sequence) else ()
  least = min((x for x in items if isinstance(x, int | float)), default=None)
  if isinstance(value, Sequence) and not isinstance(value, str):
    wrong = [each for each in value if problem(each, kind, least)]
    if not wrong:
      return ''
    return f'a tuple, and each of its items {problem(wrong[0], kind, least)}'
  return 'a tuple'
