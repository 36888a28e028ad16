"""The index of a source: who walks, how and seen from where, per sequence."""

import dataclasses
from collections.abc import Iterable

import numpy as np

# As many as the index can count.
_MOST_FRAMES = 1 << 31


@dataclasses.dataclass(frozen=True, eq=False)
class Index:
  """What is known of N sequences without reading them.

  Attributes:
    subject: str [N], for example '001'.
    condition: str [N], for example 'nm-01'.
    view: str [N], for example '090'.
    length: int32 [N], frames per sequence.
  """

  subject: np.ndarray
  condition: np.ndarray
  view: np.ndarray
  length: np.ndarray

  def __post_init__(self) -> None:
    for name in ('subject', 'condition', 'view'):
      object.__setattr__(self, name, np.asarray(getattr(self, name), np.str_))
    object.__setattr__(self, 'length', np.asarray(self.length, np.int32))
    shapes = {
      field.name: getattr(self, field.name).shape
      for field in dataclasses.fields(self)
    }
    if any(shape != (len(self),) for shape in shapes.values()):
      raise ValueError(f'an index needs four [N] arrays, got {shapes}')

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
  """Joins indices, keeping their order."""
  parts = list(indices)
  return Index(
    *(
      np.concatenate([getattr(part, field.name) for part in parts])
      for field in dataclasses.fields(Index)
    )
  )


def from_columns(columns: list[np.ndarray | None]) -> Index:
  """Returns an index of a file's columns, of which nothing is known.

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
