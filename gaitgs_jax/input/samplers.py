"""Samplers by name: which sequences make the batch of a step.

What a sampler draws is a pure function of (table, seed, step). Its fields are
those of `config.batch`. A new one is a class here and a row of `SAMPLERS`, or a
class of the user's own by dotted name.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, ClassVar, Protocol

import numpy as np

from gaitgs_jax import dotted
from gaitgs_jax.errors import BadValue, UserError, wrong_choice
from gaitgs_jax.input.index import DATASET, Index

# Streams of random numbers. A slot counts datasets where something is drawn
# within them, subjects where the sequences of each are, and rows of the batch
# in the others.
SUBJECTS, SEQUENCES, FRAMES, REPLACEMENTS, DATASETS = range(5)


def generator(
  seed: int, stream: int, step: int, slot: int
) -> np.random.Generator:
  """Returns the random numbers of (seed, stream, step, slot)."""
  words: Any = [seed, stream, step, slot]
  # The same numbers in less time; a list of them is made into one word by word.
  if max(words) < 1 << 32:
    words = np.array(words, np.uint32)
  entropy = np.random.SeedSequence(words)
  return np.random.Generator(np.random.Philox(entropy))


class Table:
  """The training sequences, subject by subject.

  They are sorted by name, so that another order of the same data gives the
  same batches. In a mixture the subjects of a dataset come one after another.

  Args:
    index: of the source.
    rows: of the training sequences, integers [N].
    power: a dataset of a mixture is drawn with a probability that is its size
      to this power.

  Attributes:
    rows: int64 [N], of the index.
    subjects: the sorted names of the people, [P].
    starts: int [P], where the rows of each begin.
    counts: int [P], how many each has.
    row_bounds: int [D+1], where the rows of each dataset begin, and N.
    subject_bounds: int [D+1], where its people begin, and P.
  """

  def __init__(self, index: Index, rows: np.ndarray, power: float = 1.0):
    rows = np.asarray(rows, np.int64)
    part = index.take(rows)
    order = np.lexsort((part.view, part.condition, part.subject))
    self.rows = rows[order]
    self.subjects, self.starts, self.counts = np.unique(
      part.subject[order], return_index=True, return_counts=True
    )
    datasets = part.columns.get(DATASET, np.zeros(len(rows), np.int32))[order]
    _, firsts = np.unique(datasets, return_index=True)
    self.row_bounds = np.append(np.sort(firsts), len(rows))
    self.subject_bounds = np.searchsorted(self.starts, self.row_bounds)
    self._scenes = datasets, part.condition[order], part.view[order]
    self._power = power

  @functools.cached_property
  def scenes(self) -> np.ndarray:
    """The number of each row's dataset, condition and view, int [N]."""
    columns = np.rec.fromarrays(self._scenes)
    return np.unique(columns, return_inverse=True)[1]

  def same_subject(self, row: int) -> np.ndarray:
    """Returns all rows of the subject of one row."""
    start, end = _around(np.append(self.starts, len(self.rows)), self._at(row))
    return self.rows[start:end]

  def same_dataset(self, row: int) -> np.ndarray:
    """Returns all rows of the dataset of one row."""
    start, end = _around(self.row_bounds, self._at(row))
    return self.rows[start:end]

  def _at(self, row: int) -> int:
    return int(np.flatnonzero(self.rows == row)[0])

  def draw(
    self,
    bounds: np.ndarray,
    count: int,
    seed: int,
    stream: int,
    step: int,
    *,
    replace: bool,
  ) -> np.ndarray:
    """Draws subjects, or sequences: first the dataset of each, then which.

    Args:
      bounds: `subject_bounds` or `row_bounds`.
      count: how many to draw.
      seed: of the run.
      stream: of random numbers, whose slot is the dataset.
      step: of the run.
      replace: whether one may be drawn twice; otherwise a dataset of which all
        are drawn is drawn no more.

    Returns:
      int64 [count], below the last of the bounds.
    """
    drawn = np.empty(count, np.int64)
    sizes = np.diff(bounds)
    datasets = self._draw_datasets(sizes, count, seed, step, replace)
    for number, start in enumerate(bounds[:-1]):
      slots = np.flatnonzero(datasets == number)
      rng = generator(seed, stream, step, number)
      if replace:
        own = rng.integers(sizes[number], size=len(slots))
      else:
        own = rng.permutation(sizes[number])[: len(slots)]
      drawn[slots] = start + own
    return drawn

  def _draw_datasets(
    self, sizes: np.ndarray, count: int, seed: int, step: int, replace: bool
  ) -> np.ndarray:
    """Returns the number of the dataset that each of `count` is taken from."""
    drawn = np.zeros(count, np.int64)
    if len(sizes) == 1:
      return drawn
    left = sizes.copy()
    uniform = generator(seed, DATASETS, step, 0).random(count)
    for slot in range(count):
      there = np.flatnonzero(left)
      # Relative to the largest, as a large power of all would overflow.
      odds = np.cumsum((sizes[there] / sizes[there].max()) ** self._power)
      place = np.searchsorted(odds, uniform[slot] * odds[-1], side='right')
      drawn[slot] = there[min(int(place), len(there) - 1)]
      if not replace:
        left[drawn[slot]] -= 1
    return drawn


def _around(bounds: np.ndarray, place: int) -> tuple[int, int]:
  """Returns the two of the ascending bounds that a place is between."""
  end = int(np.searchsorted(bounds, place, side='right'))
  return int(bounds[end - 1]), int(bounds[end])


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
    chosen = table.draw(
      *(table.subject_bounds, self.subjects, seed, SUBJECTS, step),
      replace=False,
    )
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
    repeats: whether one may be drawn twice.
  """

  sequences: int
  windows: ClassVar[int] = 1
  repeats: ClassVar[bool] = True
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
    drawn = table.draw(
      *(table.row_bounds, self.sequences, seed, SEQUENCES, step),
      replace=self.repeats,
    )
    return table.rows[drawn]

  def stand_ins(self, table: Table, row: int) -> np.ndarray:
    """Returns all rows of the same dataset."""
    return table.same_dataset(row)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pairs(Instances):
  """Two windows of each of some different sequences; labels are not needed.

  The windows are drawn apart and changed apart by the transforms. They are
  copies of the sequence, as `config.augment.copies` makes them.

  Attributes:
    scenes: from how many pairs of condition and view the sequences of a batch
      are, equally many from each; 0: from any. Sequences of one camera are not
      told apart by what the camera sees of them.
    apart: whether the windows lie in the two halves of a sequence, so that they
      do not share frames.
  """

  scenes: int = 0
  apart: bool = False
  windows: ClassVar[int] = 2
  repeats: ClassVar[bool] = False

  def __str__(self) -> str:
    return f'{self.sequences} sequences x 2 windows'

  def draw(self, table: Table, seed: int, step: int) -> np.ndarray:
    """Returns the rows int64 [rows] of the index in a step's batch."""
    if not self.scenes:
      return super().draw(table, seed, step)
    rng = generator(seed, SEQUENCES, step, 0)
    count = self.sequences // self.scenes
    large = np.flatnonzero(np.bincount(table.scenes) >= count)
    drawn = [
      rng.permutation(np.flatnonzero(table.scenes == scene))[:count]
      for scene in rng.permutation(large)[: self.scenes]
    ]
    return table.rows[np.concatenate(drawn)]

  def check(self, table: Table) -> None:
    """Raises UserError where the batch is larger than the data allows."""
    if self.scenes:
      self._check_scenes(np.bincount(table.scenes))
    if self.sequences > len(table.rows):
      raise UserError(
        f'config.batch.sequences is {self.sequences}, but there are only '
        f'{len(table.rows)} training sequences'
      )

  def _check_scenes(self, sizes: np.ndarray) -> None:
    count, rest = divmod(self.sequences, self.scenes)
    if rest or not count:
      raise UserError(
        f'config.batch.sequences is {self.sequences}, which is not a multiple'
        f' of the {self.scenes} of config.batch.scenes'
      )
    if (large := int((sizes >= count).sum())) < self.scenes:
      raise UserError(
        f'config.batch.sequences is {self.sequences} of {self.scenes} pairs of'
        f' condition and view, but only {large} of them have {count} training'
        f' sequences; the largest has {sizes.max()}'
      )


SAMPLERS: dict[str, Callable[..., Sampler]] = {
  'pk': PK,
  'instances': Instances,
  'pairs': Pairs,
}
# What a class of a sampler has.
_MEMBERS = ('windows', 'grows', 'rows', 'check', 'draw', 'stand_ins')


def named(name: object) -> Callable[..., Sampler]:
  """Returns what makes a sampler of its fields of `config.batch`.

  Args:
    name: of `SAMPLERS`, or the dotted name of a class of the user's own, such
      as 'mypackage.samplers.Balanced', with all that a `Sampler` has.

  Raises:
    UserError: there is none.
  """
  if not isinstance(name, str) or not (name in SAMPLERS or '.' in name):
    raise wrong_choice(f'config.batch.sampler is {name!r}', name, SAMPLERS)
  if name in SAMPLERS:
    return SAMPLERS[name]
  try:
    made = dotted.function(name, 'sampler')
  except BadValue as error:
    raise UserError(f'config.batch.sampler: {error}') from error
  missing = [each for each in _MEMBERS if not hasattr(made, each)]
  if missing:
    raise UserError(
      f'config.batch.sampler: {name} has no {", ".join(missing)}; a sampler is '
      f'a class with {", ".join(_MEMBERS)}'
    )
  return made
