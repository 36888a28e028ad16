"""The user's own models, losses and other parts, by dotted name."""

import importlib
import types
from collections.abc import Callable
from typing import Any

from gaitgs_jax.errors import BadValue, one_line


def module(name: str, what: str) -> types.ModuleType:
  """Imports a module of the user's own.

  An error within the module keeps its traceback; a module that it imports and
  that is not there is an ImportError.

  Args:
    name: such as 'mypackage.mymodel'.
    what: kind of part, such as 'model', for messages.

  Raises:
    BadValue: there is no such module on the path of Python.
  """
  if not all(part.isidentifier() for part in name.split('.')):
    raise BadValue(f'unknown {what} {one_line(repr(name))}: not a dotted name')
  try:
    return importlib.import_module(name)
  except ModuleNotFoundError as error:
    # Not a ModuleNotFoundError, which is about the packages of this project.
    if error.name is None or not f'{name}.'.startswith(f'{error.name}.'):
      raise ImportError(f'{name} cannot be imported: {error}') from error
    raise BadValue(
      f'unknown {what} {name!r}: there is no module {error.name!r} on the '
      'path of Python; install it, or add its folder to PYTHONPATH'
    ) from error


def function(name: str, what: str) -> Callable[..., Any]:
  """Returns a function of the user's own, such as 'mypackage.losses.mine'.

  Raises:
    BadValue: there is none.
  """
  found = attribute(name, what)
  if not callable(found):
    raise BadValue(f'unknown {what} {name!r}: that is not a function')
  return found


def attribute(name: str, what: str) -> Any:
  """Returns what a dotted name stands for in a module of the user's own.

  Raises:
    BadValue: there is no such module, or nothing of that name in it.
  """
  place, _, last = name.rpartition('.')
  found = module(place, what)
  try:
    return getattr(found, last)
  except AttributeError as error:
    raise BadValue(
      f'unknown {what} {name!r}: {place} has no {last!r}'
    ) from error
