"""The index of a source: who walks, how and seen from where, per sequence."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

# As many as the index can count.
_MOST_FRAMES = 1 << 31
_FIELDS = ('subject', 'condition', 'view', 'length')
# The column that says of which dataset of a mixture a sequence is.
DATASET = 'dataset'


@dataclasses.dataclass(frozen=True, eq=False)
class Index:
  """What is known of N sequences without reading them.

  Attributes:
    subject: str [N], for example '001'.
    condition: str [N], for example 'nm-01'.
    view: str [N], for example '090'.
    length: int32 [N], frames per sequence.
    columns: what else a dataset knows, str or bool [N] by name; a protocol may
      look at it.
  """

  subject: np.ndarray
  condition: np.ndarray
  view: np.ndarray
  length: np.ndarray
  columns: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)

  def __post_init__(self) -> None:
    for name in ('subject', 'condition', 'view'):
      object.__setattr__(self, name, np.asarray(getattr(self, name), np.str_))
    object.__setattr__(self, 'length', np.asarray(self.length, np.int32))
    shapes = {
      **{name: getattr(self, name).shape for name in _FIELDS},
      **{name: column.shape for name, column in self.columns.items()},
    }
    if any(shape != (len(self),) for shape in shapes.values()):
      raise ValueError(
        f'an index needs four [N] arrays, and columns as long, got {shapes}'
      )

  def __len__(self) -> int:
    return len(self.length)

  def name(self, sequence: int) -> str:
    """Returns 'subject/condition/view' of one row."""
    i = int(sequence)
    return f'{self.subject[i]}/{self.condition[i]}/{self.view[i]}'

  def take(self, rows: np.ndarray) -> 'Index':
    """Returns the index of the given rows, in their order."""
    return Index(
      self.subject[rows],
      self.condition[rows],
      self.view[rows],
      self.length[rows],
      {name: column[rows] for name, column in self.columns.items()},
    )


def make(rows: Iterable[tuple[str, str, str, int]]) -> Index:
  """Builds an index of (subject, condition, view, length) rows."""
  columns: list[list] = [[], [], [], []]
  for row in rows:
    for column, value in zip(columns, row, strict=True):
      column.append(value)
  subject, condition, view, length = columns
  return Index(
    np.asarray(subject, np.str_),
    np.asarray(condition, np.str_),
    np.asarray(view, np.str_),
    np.asarray(length, np.int32),
  )


def concatenate(indices: Iterable[Index]) -> Index:
  """Joins indices, keeping their order, with the columns that all have."""
  parts = list(indices)
  fields: dict[str, Any] = {
    name: np.concatenate([getattr(part, name) for part in parts])
    for name in _FIELDS
  }
  columns = {
    name: np.concatenate([part.columns[name] for part in parts])
    for name in parts[0].columns
    if all(name in part.columns for part in parts)
  }
  return Index(**fields, columns=columns)


def from_columns(columns: list[np.ndarray | None]) -> Index:
  """Returns the index of a file's columns, which are not trusted.

  Args:
    columns: those of an `Index` in their order; None for one that is missing.

  Raises:
    ValueError: they are not names and lengths of as many sequences.
  """
  *texts, length = [np.zeros(0) if each is None else each for each in columns]
  if length.dtype.kind not in 'iu' or any(
    text.dtype.kind != 'U' for text in texts
  ):
    raise ValueError('it has no texts, or no lengths')
  if len(length) and not 0 < length.min() <= length.max() < _MOST_FRAMES:
    raise ValueError('it has sequences without frames')
  for text in texts:
    check_names(np.unique(text).tolist())
  return Index(texts[0], texts[1], texts[2], length)


def check_names(names: Iterable[str]) -> None:
  """Raises ValueError if a subject, condition or view cannot be printed."""
  for name in names:
    if not name.isprintable():
      raise ValueError(f'the name {name[:80]!a} cannot be printed')
