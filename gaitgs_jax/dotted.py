"""Parts of the user's own, in modules of their own, by dotted name."""

import importlib
import types
from collections.abc import Callable
from typing import Any

from gaitgs_jax.errors import BadValue, one_line


def module(name: str, what: str) -> types.ModuleType:
  """Imports a module of the user's own.

  An error within the module keeps its traceback.

  Args:
    name: such as 'mypackage.mymodel'.
    what: what it is to be, such as 'model', for messages.

  Raises:
    BadValue: there is no such module on the path of Python.
  """
  try:
    return importlib.import_module(name)
  except ModuleNotFoundError as error:
    # A module that it imports is the user's code's own affair.
    if error.name is None or not f'{name}.'.startswith(f'{error.name}.'):
      raise
    raise BadValue(
      f'unknown {what} {name!r}: there is no module {error.name!r} on the '
      'path of Python; install it, or add its folder to PYTHONPATH'
    ) from error
  except (ValueError, TypeError) as error:  # '..x' and the like.
    raise BadValue(f'unknown {what} {name!r}: {one_line(error)}') from error


def function(name: str, what: str) -> Callable[..., Any]:
  """Returns a function of the user's own, such as 'mypackage.losses.mine'.

  Raises:
    BadValue: there is none.
  """
  found = attribute(name, what)
  if not callable(found):
    raise BadValue(f'unknown {what} {name!r}: that is no function')
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
