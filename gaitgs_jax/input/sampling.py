"""Which sequences and which frames make the batch of a step.

Everything drawn is a pure function of (seed, stream, step, slot), so a batch
does not depend on where training started, on the order of the source, or on
how many processes share it. `samplers` chooses the sequences. The rules for
frames are those of GaitSet (https://arxiv.org/abs/1811.06186) and OpenGait
(arXiv 2211.06597).
"""

import dataclasses
import inspect
import typing
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np

from gaitgs_jax import fields
from gaitgs_jax.errors import UserError, wrong_value
from gaitgs_jax.input import samplers
from gaitgs_jax.input.index import Index

FramesRule = Literal['fixed', 'unfixed', 'all']

# Batches of whole sequences are padded to multiples of this, as every new
# length compiles the step again.
_LENGTH_STEP = 32
# Subjects, sequences or frames of a batch: a walk of nine hours.
_MOST = 1_000_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class FrameSpec:
  """The fields of `config.batch` that say which frames of a sequence are taken.

  Attributes:
    frames: S, how many of each sequence, for the rule 'fixed'.
    frames_rule: 'fixed' takes S frames, 'unfixed' a number drawn between
      `frames_min` and `frames_max` (both included), 'all' every frame.
    order: 'ordered' keeps time, 'unordered' draws frames as a set.
    skip: ordered frames come from a window of S + skip, of which `skip` drop
      out at random.
    frames_min: least number of frames, for the rule 'unfixed'.
    frames_max: greatest number of frames, for the rule 'unfixed'; 'all' takes
      no more than the first so many, where it is not 0.
  """

  frames: int = 30
  frames_rule: FramesRule = 'fixed'
  order: Literal['ordered', 'unordered'] = 'ordered'
  skip: int = 0
  frames_min: int = 0
  frames_max: int = 0

  def __post_init__(self) -> None:
    if self.frames_rule == 'unfixed':
      _check_range('frames_min', self.frames_min, 1)
      _check_range('frames_max', self.frames_max, self.frames_min)


@dataclasses.dataclass(frozen=True)
class BatchSpec:
  """`config.batch`: which sequences, and which frames of each.

  Attributes:
    sampler: draws the sequences.
    frames: say which frames.
    mixture_power: with `config.mixture`, datasets are drawn in proportion to
      this power of their size, which is the number of subjects for 'pk' and of
      sequences for the others. 0 draws from each dataset alike.
  """

  sampler: samplers.Sampler
  frames: FrameSpec
  mixture_power: float = 1.0

  @property
  def rows(self) -> int:
    """Sequences in the global batch."""
    return self.sampler.rows


def batch_spec(batch: Mapping[str, Any]) -> BatchSpec:
  """Reads `config.batch`.

  Raises:
    UserError: a field is unknown, missing or out of range.
  """
  name = batch.get('sampler', 'pk')
  if name in typing.get_args(FramesRule):
    raise UserError(
      f'config.batch.sampler is {name!r}, which says how frames are drawn: set '
      f"config.batch.frames_rule={name!r} and config.batch.sampler='pk'"
    )
  sampler = samplers.named(name)
  given = {field: value for field, value in batch.items() if field != 'sampler'}
  own, common, spec = (
    dict(inspect.signature(each).parameters)
    for each in (sampler, FrameSpec, BatchSpec)
  )
  power = {'mixture_power': spec['mixture_power']}
  for other in samplers.SAMPLERS.values():
    for field in inspect.signature(other).parameters:
      if field in given and field not in own:
        raise UserError(
          f'config.batch.sampler is {name!r}, which takes no {field!r}: leave '
          f'config.batch.{field} out'
        )
  fields.check({**own, **common, **power}, given, 'config.batch')
  for field, value in given.items():
    if isinstance(value, int) and value > _MOST:
      wanted = f'a whole number up to {_MOST:,}'
      raise wrong_value(f'config.batch.{field}', value, wanted)
  return BatchSpec(
    sampler(**{k: v for k, v in given.items() if k in own}),
    FrameSpec(**{k: v for k, v in given.items() if k in common}),
    **{k: v for k, v in given.items() if k in power},
  )


def _check_range(name: str, value: int, least: int) -> None:
  if wrong := fields.whole_problem(value, least, _MOST):
    raise wrong_value(f'config.batch.{name}', value, wrong)


@dataclasses.dataclass(frozen=True)
class Pick:
  """The rows of one batch.

  Attributes:
    sequence: int64 [n], rows of the source's index.
    windows: which frames of each sequence, n lists of an integer array for
      each window.
    length: to how many frames the global batch is padded.
  """

  sequence: np.ndarray
  windows: list[list[np.ndarray]]
  length: int


class Picker:
  """Draws the batches of a run.

  Args:
    index: of the source.
    rows: of the training sequences, integers [N].
    spec: what to draw.
    seed: of the run.

  Raises:
    UserError: the batch is larger than the data allows.
  """

  def __init__(
    self, index: Index, rows: np.ndarray, spec: BatchSpec, seed: int
  ):
    if not isinstance(seed, int) or seed < 0:
      raise wrong_value('config.seed', seed, 'a whole number, 0 or more')
    self._table = samplers.Table(index, rows, spec.mixture_power)
    self._length = index.length
    self._spec = spec
    self._seed = seed
    spec.sampler.check(self._table)

  @property
  def subjects(self) -> np.ndarray:
    """The sorted names of the training subjects, [P]."""
    return self._table.subjects

  @property
  def count(self) -> int:
    """How many windows are taken of each sequence."""
    return self._spec.sampler.windows

  def sequences(self, step: int) -> np.ndarray:
    """Returns the rows int64 [n] of a step's batch."""
    return self._spec.sampler.draw(self._table, self._seed, step)

  def pick(self, step: int, slots: np.ndarray) -> Pick:
    """Draws the rows `slots`, integers [n], of a step's batch."""
    sequences = self.sequences(step)
    windows = [
      self._windows(
        samplers.generator(self._seed, samplers.FRAMES, step, slot),
        sequences[slot],
      )
      for slot in slots.tolist()
    ]
    return Pick(sequences[slots], windows, self._padded_length(sequences))

  def replacements(
    self, step: int, slot: int, sequence: int
  ) -> Iterator[tuple[int, list[np.ndarray]]]:
    """Yields what may stand in for a sequence that cannot be read.

    They are other sequences, of the same subject where the sampler asks for
    it, each with its windows, in the order in which to try them.
    """
    others = self._spec.sampler.stand_ins(self._table, sequence)
    rng = samplers.generator(self._seed, samplers.REPLACEMENTS, step, slot)
    for other in others[rng.permutation(len(others))]:
      if other != sequence:
        yield int(other), self._windows(rng, other)

  def _windows(
    self, rng: np.random.Generator, sequence: np.integer
  ) -> list[np.ndarray]:
    length = int(self._length[sequence])
    if getattr(self._spec.sampler, 'apart', False):
      half = (length + 1) // 2
      return [
        first + frame_indices(rng, half, self._spec.frames)
        for first in (0, length - half)
      ]
    return [
      frame_indices(rng, length, self._spec.frames) for _ in range(self.count)
    ]

  @property
  def longest(self) -> int:
    """To how many frames a batch may be padded at most."""
    return self._padded_length(self._table.rows)

  def _padded_length(self, sequences: np.ndarray) -> int:
    spec = self._spec.frames
    if spec.frames_rule == 'fixed':
      return spec.frames
    if spec.frames_rule == 'unfixed':
      return spec.frames_max
    longest = int(self._length[sequences].max())
    padded = -(-longest // _LENGTH_STEP) * _LENGTH_STEP
    return min(padded, spec.frames_max or padded)


def frame_indices(
  rng: np.random.Generator, length: int, spec: FrameSpec
) -> np.ndarray:
  """Draws which frames of a sequence of `length` to take, integers [k].

  Ordered: a window of consecutive frames, the sequence repeated where it is
  shorter, less `skip` of them. Unordered: without replacement, unless the
  sequence is too short.
  """
  if spec.frames_rule == 'all':
    return np.arange(min(length, spec.frames_max or length))
  count = spec.frames
  if spec.frames_rule == 'unfixed':
    count = int(rng.integers(spec.frames_min, spec.frames_max + 1))
  if spec.order == 'unordered':
    return rng.choice(length, count, replace=length < count)
  window = count + spec.skip
  total = length * -(-window // length)
  frames = rng.integers(total - window + 1) + np.arange(window)
  if spec.skip:
    frames = frames[np.sort(rng.choice(window, count, replace=False))]
  return frames % length
