"""Which sequences and which frames make the batch of a step.

Everything drawn is a pure function of (seed, stream, step, slot), so a batch
does not depend on where training started, on the order of the source, or on
how many processes share it. The rules for frames are those of GaitSet
(https://arxiv.org/abs/1811.06186) and OpenGait (arXiv 2211.06597).
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from gaitgs_jax.errors import UserError, one_line, wrong_choice
from gaitgs_jax.input.index import Index

SAMPLERS = ('fixed', 'unfixed', 'all')
ORDERS = ('ordered', 'unordered')

# Streams of random numbers; a slot counts subjects in the first two and rows
# of the batch in the others.
_SUBJECTS, _SEQUENCES, _FRAMES, _REPLACEMENTS = range(4)
# Batches of whole sequences are padded to multiples of this, as every new
# length compiles the step anew.
_LENGTH_STEP = 32
# Subjects, sequences or frames of a batch: a walk of nine hours.
_MOST = 1_000_000


@dataclasses.dataclass(frozen=True)
class BatchSpec:
  """`config.batch`: P subjects x K sequences x S frames, and how to draw them.

  Attributes:
    subjects: P, how many people are in a batch.
    sequences: K, how many of each subject.
    frames: S, how many of each sequence, for sampler 'fixed'.
    sampler: 'fixed' takes S frames, 'unfixed' a number drawn between
      `frames_min` and `frames_max` (both included), 'all' every frame.
    order: 'ordered' keeps time, 'unordered' draws frames as a set.
    skip: ordered frames come from a window of S + skip, of which `skip` drop
      out at random.
    frames_min: least number of frames, for sampler 'unfixed'.
    frames_max: greatest number of frames, for sampler 'unfixed'.
  """

  subjects: int
  sequences: int
  frames: int = 30
  sampler: str = 'fixed'
  order: str = 'ordered'
  skip: int = 0
  frames_min: int = 0
  frames_max: int = 0

  def __post_init__(self) -> None:
    _check_choice('sampler', self.sampler, SAMPLERS)
    _check_choice('order', self.order, ORDERS)
    _check_range('subjects', self.subjects, 1)
    _check_range('sequences', self.sequences, 1)
    _check_range('frames', self.frames, 1)
    _check_range('skip', self.skip, 0)
    if self.sampler == 'unfixed':
      _check_range('frames_min', self.frames_min, 1)
      _check_range('frames_max', self.frames_max, self.frames_min)

  @property
  def rows(self) -> int:
    """Sequences in the global batch, P x K."""
    return self.subjects * self.sequences


def batch_spec(batch: Mapping[str, Any]) -> BatchSpec:
  """Reads `config.batch`.

  Raises:
    UserError: a field is unknown, missing or out of range.
  """
  fields = {field.name for field in dataclasses.fields(BatchSpec)}
  unknown = sorted(set(batch) - fields)
  if unknown:
    raise wrong_choice(
      f'config.batch has no field {unknown[0]!r}', unknown[0], sorted(fields)
    )
  missing = sorted({'subjects', 'sequences'} - set(batch))
  if missing:
    raise UserError(f'config.batch.{missing[0]} is missing')
  return BatchSpec(**dict(batch))


def _check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
  if value not in choices:
    raise wrong_choice(f'config.batch.{name} is {value!r}', value, choices)


def _check_range(name: str, value: Any, least: int) -> None:
  if not isinstance(value, int) or not least <= value <= _MOST:
    raise UserError(
      f'config.batch.{name} is {one_line(repr(value))}; it must be a whole '
      f'number from {least:,} to {_MOST:,}'
    )


def generator(
  seed: int, stream: int, step: int, slot: int
) -> np.random.Generator:
  """Returns the random numbers of (seed, stream, step, slot)."""
  entropy = np.random.SeedSequence([seed, stream, step, slot])
  return np.random.Generator(np.random.Philox(entropy))


@dataclasses.dataclass(frozen=True)
class Pick:
  """The rows of one batch.

  Attributes:
    sequence: int64 [n], rows of the source's index.
    frames: which frames of each sequence, n integer arrays.
    length: to how many frames the global batch is padded.
  """

  sequence: np.ndarray
  frames: list[np.ndarray]
  length: int


class Sampler:
  """Draws PK batches: P subjects, K sequences of each.

  Subjects are drawn without replacement. A subject with K sequences or more
  gives K different ones; one with fewer gives each at least once and repeats
  some, as OpenGait lets it.

  Args:
    index: of the source.
    rows: of the training sequences, integers [N].
    spec: what to draw.
    seed: of the run.

  Raises:
    UserError: P or K is larger than the data allows.
  """

  def __init__(
    self, index: Index, rows: np.ndarray, spec: BatchSpec, seed: int
  ):
    if not isinstance(seed, int) or seed < 0:
      raise UserError(
        f'config.seed is {seed!r}; it must be a whole number, 0 or more'
      )
    rows = np.asarray(rows, np.int64)
    part = index.take(rows)
    # Sorted by name: another order of the same data gives the same batches.
    order = np.lexsort((part.view, part.condition, part.subject))
    self._rows = rows[order]
    self._length = index.length
    self._spec = spec
    self._seed = seed
    self.subjects, self._starts, self._counts = np.unique(
      part.subject[order], return_index=True, return_counts=True
    )
    self._check()

  def _check(self) -> None:
    spec, subjects = self._spec, len(self.subjects)
    if spec.subjects > subjects:
      raise UserError(
        f'config.batch.subjects is {spec.subjects}, but there are only '
        f'{subjects} training subjects'
      )
    most = int(self._counts.max())
    if spec.sequences > most:
      raise UserError(
        f'config.batch.sequences is {spec.sequences}, but no training subject '
        f'has more than {most} sequences'
      )

  def sequences(self, step: int) -> np.ndarray:
    """Returns the rows int64 [P*K] of a step's batch, subject by subject."""
    spec = self._spec
    rng = generator(self._seed, _SUBJECTS, step, 0)
    chosen = rng.permutation(len(self.subjects))[: spec.subjects]
    batch = np.empty((spec.subjects, spec.sequences), np.int64)
    for slot, subject in enumerate(chosen):
      rng = generator(self._seed, _SEQUENCES, step, slot)
      count = self._counts[subject]
      drawn = rng.permutation(count)[: spec.sequences]
      if count < spec.sequences:
        again = rng.integers(0, count, spec.sequences - count)
        drawn = np.concatenate([drawn, again])
      batch[slot] = self._rows[self._starts[subject] + drawn]
    return batch.reshape(-1)

  def pick(self, step: int, slots: np.ndarray) -> Pick:
    """Draws the rows `slots`, integers [n], of a step's batch."""
    sequences = self.sequences(step)
    frames = [
      frame_indices(
        generator(self._seed, _FRAMES, step, slot),
        int(self._length[sequences[slot]]),
        self._spec,
      )
      for slot in slots.tolist()
    ]
    return Pick(sequences[slots], frames, self._padded_length(sequences))

  def replacements(
    self, step: int, slot: int, sequence: int
  ) -> Iterator[tuple[int, np.ndarray]]:
    """Yields what may stand in for a sequence that cannot be read.

    They are the subject's other sequences, each with its frames, in the order
    in which to try them.
    """
    place = int(np.flatnonzero(self._rows == sequence)[0])
    subject = int(np.searchsorted(self._starts, place, side='right')) - 1
    start, count = self._starts[subject], self._counts[subject]
    rng = generator(self._seed, _REPLACEMENTS, step, slot)
    for other in self._rows[start + rng.permutation(count)]:
      if other != sequence:
        length = int(self._length[other])
        yield int(other), frame_indices(rng, length, self._spec)

  @property
  def longest(self) -> int:
    """To how many frames a batch may be padded at most."""
    return self._padded_length(self._rows)

  def _padded_length(self, sequences: np.ndarray) -> int:
    spec = self._spec
    if spec.sampler == 'fixed':
      return spec.frames
    if spec.sampler == 'unfixed':
      return spec.frames_max
    longest = int(self._length[sequences].max())
    return -(-longest // _LENGTH_STEP) * _LENGTH_STEP


def frame_indices(
  rng: np.random.Generator, length: int, spec: BatchSpec
) -> np.ndarray:
  """Draws which frames of a sequence of `length` to take, integers [k].

  Ordered: a window of consecutive frames, the sequence repeated where it is
  shorter, less `skip` of them. Unordered: without replacement, unless the
  sequence is too short.
  """
  if spec.sampler == 'all':
    return np.arange(length)
  count = spec.frames
  if spec.sampler == 'unfixed':
    count = int(rng.integers(spec.frames_min, spec.frames_max + 1))
  if spec.order == 'unordered':
    return rng.choice(length, count, replace=length < count)
  window = count + spec.skip
  total = length * -(-window // length)
  frames = rng.integers(total - window + 1) + np.arange(window)
  if spec.skip:
    frames = frames[np.sort(rng.choice(window, count, replace=False))]
  return frames % length
