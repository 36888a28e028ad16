"""Samplers by name: which sequences make the batch of a step.

What a sampler draws is a pure function of (table, seed, step). Its fields are
those of `config.batch`. A new one is a class here and a row of `SAMPLERS`.
"""

import dataclasses
from collections.abc import Callable
from typing import ClassVar, Protocol

import numpy as np

from gaitgs_jax.errors import UserError
from gaitgs_jax.input.index import Index

# Streams of random numbers; a slot counts subjects in the first two and rows
# of the batch in the others.
SUBJECTS, SEQUENCES, FRAMES, REPLACEMENTS = range(4)


def generator(
  seed: int, stream: int, step: int, slot: int
) -> np.random.Generator:
  """Returns the random numbers of (seed, stream, step, slot)."""
  entropy = np.random.SeedSequence([seed, stream, step, slot])
  return np.random.Generator(np.random.Philox(entropy))


class Table:
  """The training sequences, subject by subject.

  They are sorted by name, so that another order of the same data gives the
  same batches.

  Args:
    index: of the source.
    rows: of the training sequences, integers [N].

  Attributes:
    rows: int64 [N], of the index.
    subjects: the sorted names of the people, [P].
    starts: int [P], where the rows of each begin.
    counts: int [P], how many each has.
  """

  def __init__(self, index: Index, rows: np.ndarray):
    rows = np.asarray(rows, np.int64)
    part = index.take(rows)
    order = np.lexsort((part.view, part.condition, part.subject))
    self.rows = rows[order]
    self.subjects, self.starts, self.counts = np.unique(
      part.subject[order], return_index=True, return_counts=True
    )

  def same_subject(self, row: int) -> np.ndarray:
    """Returns all rows of the subject of one row."""
    place = int(np.flatnonzero(self.rows == row)[0])
    subject = int(np.searchsorted(self.starts, place, side='right')) - 1
    start, count = self.starts[subject], self.counts[subject]
    return self.rows[start : start + count]


class Sampler(Protocol):
  """Draws the sequences of a batch.

  Attributes:
    windows: how many windows of frames are taken of each sequence; where more
      than one, they are copies of the sequence.
    grows: the field that makes the batch larger.
  """

  windows: ClassVar[int]
  grows: ClassVar[str]

  @property
  def rows(self) -> int:
    """Sequences in the global batch."""

  def check(self, table: Table) -> None:
    """Raises UserError where the batch is larger than the data allows."""

  def draw(self, table: Table, seed: int, step: int) -> np.ndarray:
    """Returns the rows int64 [rows] of the index in a step's batch."""

  def stand_ins(self, table: Table, row: int) -> np.ndarray:
    """Returns rows of which one may take the place of an unreadable one."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class PK:
  """P subjects and K sequences of each, as most models are trained.

  Subjects are drawn without replacement, and so are the sequences of a subject,
  unless it has fewer than K: then all K are drawn with replacement.

  Attributes:
    subjects: P, how many people are in a batch.
    sequences: K, how many of each subject.
  """

  subjects: int
  sequences: int
  windows: ClassVar[int] = 1
  grows: ClassVar[str] = 'subjects'

  def __str__(self) -> str:
    return f'{self.subjects} subjects x {self.sequences} sequences'

  @property
  def rows(self) -> int:
    """Sequences in the global batch."""
    return self.subjects * self.sequences

  def check(self, table: Table) -> None:
    """Raises UserError where the batch is larger than the data allows."""
    if self.subjects > len(table.subjects):
      raise UserError(
        f'config.batch.subjects is {self.subjects}, but there are only '
        f'{len(table.subjects)} training subjects'
      )
    most = int(table.counts.max())
    if self.sequences > most:
      raise UserError(
        f'config.batch.sequences is {self.sequences}, but no training subject '
        f'has more than {most} sequences'
      )

  def draw(self, table: Table, seed: int, step: int) -> np.ndarray:
    """Returns the rows int64 [rows] of the index in a step's batch."""
    rng = generator(seed, SUBJECTS, step, 0)
    chosen = rng.permutation(len(table.subjects))[: self.subjects]
    batch = np.empty((self.subjects, self.sequences), np.int64)
    for slot, subject in enumerate(chosen):
      rng = generator(seed, SEQUENCES, step, slot)
      count = table.counts[subject]
      if count < self.sequences:
        drawn = rng.integers(count, size=self.sequences)
      else:
        drawn = rng.permutation(count)[: self.sequences]
      batch[slot] = table.rows[table.starts[subject] + drawn]
    return batch.reshape(-1)

  def stand_ins(self, table: Table, row: int) -> np.ndarray:
    """Returns the rows of the same subject."""
    return table.same_subject(row)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Instances:
  """Sequences drawn from all alike, with replacement, whoever walks in them.

  Attributes:
    sequences: How many are in a batch.
  """

  sequences: int
  windows: ClassVar[int] = 1
  grows: ClassVar[str] = 'sequences'

  def __str__(self) -> str:
    return f'{self.sequences} sequences'

  @property
  def rows(self) -> int:
    """Sequences in the global batch."""
    return self.sequences

  def check(self, table: Table) -> None:
    """Raises UserError where the batch is larger than the data allows."""
    if not len(table.rows):
      raise UserError('there are no training sequences')

  def draw(self, table: Table, seed: int, step: int) -> np.ndarray:
    """Returns the rows int64 [rows] of the index in a step's batch."""
    rng = generator(seed, SEQUENCES, step, 0)
    return table.rows[rng.integers(len(table.rows), size=self.sequences)]

  def stand_ins(self, table: Table, row: int) -> np.ndarray:
    """Returns all rows."""
    return table.rows


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pairs:
  """Two windows of each of some different sequences; labels are not needed.

  The windows are drawn apart and changed apart by the transforms. They are
  copies of the sequence, as `config.augment.copies` makes them.

  Attributes:
    sequences: How many are in a batch.
  """

  sequences: int
  windows: ClassVar[int] = 2
  grows: ClassVar[str] = 'sequences'

  def __str__(self) -> str:
    return f'{self.sequences} sequences x 2 windows'

  @property
  def rows(self) -> int:
    """Sequences in the global batch."""
    return self.sequences

  def check(self, table: Table) -> None:
    """Raises UserError where the batch is larger than the data allows."""
    if self.sequences > len(table.rows):
      raise UserError(
        f'config.batch.sequences is {self.sequences}, but there are only '
        f'{len(table.rows)} training sequences'
      )

  def draw(self, table: Table, seed: int, step: int) -> np.ndarray:
    """Returns the rows int64 [rows] of the index in a step's batch."""
    rng = generator(seed, SEQUENCES, step, 0)
    return table.rows[rng.permutation(len(table.rows))[: self.sequences]]

  def stand_ins(self, table: Table, row: int) -> np.ndarray:
    """Returns all rows."""
    return table.rows


SAMPLERS: dict[str, Callable[..., Sampler]] = {
  'pk': PK,
  'instances': Instances,
  'pairs': Pairs,
}
