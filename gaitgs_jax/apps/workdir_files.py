"""What `python -m gaitgs_jax report` reads of a workdir.

A workdir may be somebody else's, so nothing in it is taken for granted.
"""

import csv
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from flax import traverse_util

from gaitgs_jax import files, older
from gaitgs_jax.errors import UserError, one_line
from gaitgs_jax.evaluation import published
from gaitgs_jax.input import datasets, sizes
from gaitgs_jax.modalities import Shapes

Series = tuple[np.ndarray, np.ndarray]

# Of metrics.csv and walkers.png; a run of 100,000 rows has 20 MB.
_TABLE_BYTES, _PICTURE_BYTES = 1 << 28, 1 << 24
_MOST_COLUMNS = 500
_PNG = b'\x89PNG\r\n\x1a\n'
# What the page takes of a config: name -> what it must be.
_SECTIONS = ('dataset', 'inputs', 'evaluation')
_TEXTS = (
  'model_name',
  'dataset.name',
  'dataset.partition',
  'evaluation.protocol',
  'evaluation.metric',
)


def read_columns(path: pathlib.Path) -> dict[str, Series]:
  """Reads a CSV of numbers by step; blanks and torn lines are passed over.

  Returns:
    Column -> (steps, values), each of the rows that have a value.

  Raises:
    UserError: it cannot be read, is not a CSV, or has too many columns.
  """
  found: dict[str, list[tuple[float, float]]] = {}
  try:
    if not path.exists():
      return {}
    text = files.read(path, _TABLE_BYTES).decode(errors='replace')
    reader = csv.DictReader(text.splitlines())
    if len(reader.fieldnames or ()) > _MOST_COLUMNS:
      raise ValueError(f'more than {_MOST_COLUMNS} columns')
    for row in reader:
      step = _float(row.pop('step', None))
      for key, cell in row.items():
        value = _float(cell)
        if key and step is not None and value is not None:
          found.setdefault(key, []).append((step, value))
  except (OSError, ValueError, csv.Error) as error:
    raise _unreadable(path, error) from error
  return {
    key: (np.array(pairs)[:, 0], np.array(pairs)[:, 1])
    for key, pairs in found.items()
  }


def _float(text: Any) -> float | None:
  try:
    return float(text)
  except (TypeError, ValueError):
    return None


def picture(path: pathlib.Path) -> bytes:
  """Returns a PNG file.

  Raises:
    UserError: it is not one, or cannot be read.
  """
  try:
    png = files.read(path, _PICTURE_BYTES)
    if not png.startswith(_PNG):
      raise ValueError('it is not a PNG')
  except (OSError, ValueError) as error:
    raise _unreadable(path, error) from error
  return png


def read_config(path: pathlib.Path) -> dict[str, Any]:
  """Returns a run's config, empty where the file does not exist.

  Raises:
    UserError: it cannot be read, or a field that the page takes from it is of
      another type.
  """
  config = older.upgraded(read_json(path))
  for name in _SECTIONS:
    if not isinstance(config.get(name, {}), dict):
      raise UserError(f'{path}: {name} is not a section of fields')
  for name in _TEXTS:
    section, _, field = name.rpartition('.')
    fields = config.get(section, {}) if section else config
    if not isinstance(fields.get(field, ''), str):
      raise UserError(f'{path}: {name} is not text')
  claim = config.get('published') or {}
  if not isinstance(claim, dict):
    raise UserError(f'{path}: published is not a section of fields')
  published.check(claim, f'{path}: published')
  try:
    read_sizes(config)
  except UserError as error:
    raise UserError(f'{path}: {error}') from error
  return config


def read_sizes(config: Mapping[str, Any]) -> Shapes:
  """Returns what the model of a config sees, nothing if that is not known.

  Raises:
    UserError: the config's field is wrong.
  """
  facts = datasets.DATASETS.get(config.get('dataset', {}).get('name', ''))
  if 'inputs' not in config or facts is None:
    return {}
  return sizes.of(config['inputs'], facts)


def flatten(value: Mapping[str, Any]) -> dict[str, str]:
  """Returns the fields of a config as text, by names with dots."""
  flat = traverse_util.flatten_dict(dict(value), keep_empty_nodes=True, sep='.')
  return {name: _as_text(field) for name, field in flat.items()}


def _as_text(field: Any) -> str:
  if isinstance(field, list):
    return ' x '.join(map(str, field))
  return '{}' if field is traverse_util.empty_node else str(field)


def read_json(path: pathlib.Path) -> dict[str, Any]:
  """Returns a JSON object, empty where the file does not exist."""
  try:
    value = files.read_json(path) if path.exists() else {}
    if not isinstance(value, dict):
      raise ValueError(f'it holds {type(value).__name__}, not an object')
  except (OSError, ValueError) as error:
    raise _unreadable(path, error) from error
  return value


def _unreadable(path: pathlib.Path, error: Exception) -> UserError:
  reason = getattr(error, 'strerror', None) or error
  return UserError(
    f'cannot read {path}: {one_line(reason)}; repair it, or move it away to'
    ' have a report without it'
  )
