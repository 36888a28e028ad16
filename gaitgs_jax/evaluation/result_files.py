"""Results as JSON files."""

import json
import math
import os
import pathlib
from typing import Any, NamedTuple

import numpy as np

from gaitgs_jax import atomic, files
from gaitgs_jax.errors import UserError, one_line, printable
from gaitgs_jax.evaluation.protocols import Result

# Axes of an array, views along one, and the largest number in it.
_MOST_AXES, _MOST_VIEWS, _LARGEST = 2, 1000, 1e9


class ContentError(UserError):
  """A file holds something else than an evaluation."""


class Saved(NamedTuple):
  """What a file holds: the result, and what was said about it."""

  result: dict[str, float | np.ndarray]
  meta: dict[str, Any]


def save(result: Result, path: str | os.PathLike, **meta: Any) -> None:
  """Writes a result of `evaluate` as JSON, all of it or none.

  Args:
    result: numbers and arrays; NaN is written as null.
    path: the file; its folder is made if it does not exist.
    **meta: JSON values to keep with it; tables and the report page use
      protocol, metric and views (the order of the matrices).

  Raises:
    UserError: the file cannot be written.
  """
  text = json.dumps({**meta, 'result': _plain(dict(result))}, allow_nan=False)
  atomic.write(_path(path), text + '\n', follow=False)


def _path(path: str | os.PathLike) -> Any:
  # One in a bucket is a path already, and none of this machine.
  return path if isinstance(path, pathlib.PurePath) else pathlib.Path(path)


def _plain(value: Any) -> Any:
  """Returns the value in JSON's own types, with null for NaN."""
  if isinstance(value, dict):
    return {str(key): _plain(item) for key, item in value.items()}
  if isinstance(value, np.ndarray | list | tuple):
    return [_plain(item) for item in value]
  number = float(value)
  return number if math.isfinite(number) else None


def load(path: str | os.PathLike) -> Saved:
  """Reads a file written by `save`; null becomes NaN, lists become arrays.

  Raises:
    ContentError: it holds something else.
    UserError: there is no such file, or it cannot be read.
  """
  try:
    meta = files.read_json(_path(path))
    if not isinstance(meta, dict) or not isinstance(meta.get('result'), dict):
      raise ValueError('it has no object called result')
    result = {
      key: _numbers(key, value) for key, value in meta.pop('result').items()
    }
    return Saved(result, _checked(meta))
  except OSError as error:
    raise UserError(f'cannot read {path}: {error.strerror or error}') from error
  except ValueError as error:
    raise ContentError(
      f'{path} is not an evaluation file ({one_line(error)}); '
      'delete it and evaluate again'
    ) from error


def _numbers(key: str, value: Any) -> float | np.ndarray:
  """Returns a number of a result, or an array of them.

  Raises:
    ValueError: it is something else, or not what its name says.
  """
  name = repr(key[:80])
  lists = [value]
  for _ in range(_MOST_AXES):
    # The numbers, where they are not the lists of a matrix.
    if not all(isinstance(each, list) for each in lists):
      break
    if max(map(len, lists), default=0) > _MOST_VIEWS:
      raise ValueError(f'{name} has more than {_MOST_VIEWS:,} columns')
    lists = [item for each in lists for item in each]
  numbers = [each for each in lists if each is not None]
  if any(type(each) not in (int, float) for each in numbers):
    raise ValueError(f'{name} is not a number, a list of them or a matrix')
  if any(abs(each) > _LARGEST for each in numbers):
    raise ValueError(f'{name} has a number above {_LARGEST:,.0f}')
  # Null becomes NaN; a row that is longer is an error of numpy's.
  array = np.array(value, float)
  if key.endswith('_by_view') and array.shape != (len(lists) ** 0.5,) * 2:
    raise ValueError(f'{name} is not a square matrix')
  if key.endswith('_by_probe_view') and array.ndim != 1:
    raise ValueError(f'{name} is not a list')
  if key.endswith('_interval') and array.shape != (2,):
    raise ValueError(f'{name} is not two numbers')
  if key.rpartition('/')[2] in ('probes', 'subjects') and (
    array.ndim or not array >= 0
  ):
    raise ValueError(f'{name} is not a count')
  return array if array.ndim else float(array)


def _checked(meta: dict[str, Any]) -> dict[str, Any]:
  """Returns what else a file says, its views as they may be printed.

  Raises:
    ValueError: the protocol or the metric is not text, or the views are not a
      list of texts.
  """
  for key in ('protocol', 'metric'):
    if not isinstance(meta.get(key, ''), str):
      raise ValueError(f'{key} is not text')
  views = meta.get('views', [])
  if not isinstance(views, list) or not all(
    isinstance(view, str) for view in views
  ):
    raise ValueError('views is not a list of names')
  return meta | ({'views': [*map(printable, views)]} if views else {})
