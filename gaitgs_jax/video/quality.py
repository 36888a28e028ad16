"""How good a walk from a video is, and what is suspicious about it."""

import dataclasses
from typing import Any

import numpy as np

from gaitgs_jax.video.walks import Walk
from gaitgs_jax.video.watching import FAULTS

# Frames per second of CASIA-B, on which most models were trained; from half of
# it to one and a half a model sees about the steps that it knows.
TRAINED_RATE = 25.0
_RATES = 0.6, 1.6
# A gait cycle takes so many seconds.
_CYCLE = 0.7, 1.8
# The signal must repeat itself so well.
_REPEATS = 0.3
# Frames from which a walk is long enough for a period to be seen.
_LEAST_CYCLES = 1.0
# An area this far above the walk's median is more than one person, and as far
# below is a part of one.
_LARGE, _SMALL = 1.5, 0.6
# A share of frames that is worth a note.
_MANY = 0.1
_LEAST_COVERAGE = 0.5


@dataclasses.dataclass(frozen=True)
class Quality:
  """What a walk is worth.

  Attributes:
    name: of the walk.
    used: frames that it has.
    seen: frames in which the person was found.
    dropped: frames that were found and are not used, by reason.
    first: frame where the person was first seen.
    last: frame where the person was last seen.
    coverage: share of the frames from first to last that are used.
    height: median height of the person in pixels.
    cycles: gait cycles in the used frames, 0 where no period is seen.
    rate: frames per second, 0 where nobody knows.
    notes: what is suspicious.
  """

  name: str
  used: int
  seen: int
  dropped: dict[str, int]
  first: int
  last: int
  coverage: float
  height: float
  cycles: float
  rate: float
  notes: tuple[str, ...]

  def line(self) -> str:
    """Returns it as one line."""
    reasons = [
      f'{count} {FAULTS[reason]}' for reason, count in self.dropped.items()
    ]
    lost = f' ({"; ".join(reasons)})' if reasons else ''
    parts = [
      f'{self.used} of {self.last - self.first + 1} frames used{lost}',
      f'{self.height:.0f} pixels high',
      f'{self.cycles:.1f} gait cycles' if self.cycles else 'no gait cycle seen',
      *(f'note: {note}' for note in self.notes),
    ]
    return f'{self.name}: {", ".join(parts)}'

  def plain(self) -> dict[str, Any]:
    """Returns it in JSON's types."""
    return {**dataclasses.asdict(self), 'notes': list(self.notes)}


def lines(found: list[Quality]) -> list[str]:
  """Returns a line for each walk; a note that all share has one of its own."""
  shared = set.intersection(*(set(each.notes) for each in found))
  if len(found) < 2 or not shared:
    return [each.line() for each in found]
  own = [
    dataclasses.replace(
      each, notes=tuple(note for note in each.notes if note not in shared)
    )
    for each in found
  ]
  return [
    *(each.line() for each in own),
    *(f'note on all: {note}' for note in found[0].notes if note in shared),
  ]


def judge(walk: Walk, name: str, rate: float) -> Quality:
  """Returns the quality of a walk.

  Args:
    walk: with or without used frames.
    name: of the walk.
    rate: frames per second, 0 where nobody knows.
  """
  used, span = len(walk.frames), walk.last - walk.first + 1
  cycles = count_cycles(walk, rate or TRAINED_RATE)
  height = float(np.median(walk.heights)) if walk.heights else 0.0
  return Quality(
    name=name,
    used=used,
    seen=used + walk.dropped.total(),
    dropped=dict(walk.dropped.most_common()),
    first=walk.first,
    last=walk.last,
    coverage=round(used / span, 3),
    height=height,
    cycles=round(cycles, 1),
    rate=round(rate, 2),
    notes=tuple(_notes(walk, rate, cycles, used / span)),
  )


def _notes(
  walk: Walk, rate: float, cycles: float, coverage: float
) -> list[str]:
  notes = []
  if not rate:
    notes.append('nobody knows the frame rate; pass --rate')
  elif not _RATES[0] <= rate / TRAINED_RATE <= _RATES[1]:
    notes.append(
      f'{rate:g} frames/s are far from the {TRAINED_RATE:g} that models are'
      ' trained on'
    )
  if walk.areas:
    areas = np.array(walk.areas) / np.median(walk.areas)
    for strange, what in (
      (areas > _LARGE, 'two people in one mask'),
      (areas < _SMALL, 'parts of the person missing'),
    ):
      if strange.mean() > _MANY:
        notes.append(f'{what} in {int(strange.sum())} frames, perhaps')
  if coverage < _LEAST_COVERAGE:
    notes.append(f'only {100 * coverage:.0f} % of the frames are used')
  wrong = walk.dropped['crop'] + walk.dropped['unsure']
  if wrong > _MANY * (len(walk.frames) + walk.dropped.total()):
    notes.append(f'wrong crop in {wrong} frames, perhaps')
  if 0 < cycles < _LEAST_CYCLES:
    notes.append('less than one gait cycle')
  return notes


def count_cycles(walk: Walk, rate: float) -> float:
  """Returns how many gait cycles the used frames of a walk have.

  The legs swing apart twice in a cycle; how far is seen in the silhouettes. A
  person who comes straight on, stands or is seen for too short has 0.

  Args:
    walk: with frames used.
    rate: frames per second.
  """
  if len(walk.frames) < 4:
    return 0.0
  signal = _spread(np.stack(walk.silhouettes))
  # Frames that are not used lie on the line between their neighbours.
  numbers = np.arange(walk.frames[0], walk.frames[-1] + 1)
  signal = np.interp(numbers, walk.frames, signal)
  period = _period(signal, rate)
  return len(walk.frames) / (2 * period) if period else 0.0


def _spread(silhouettes: np.ndarray) -> np.ndarray:
  """Returns how wide the legs of silhouettes [s,h,w] are, [s]."""
  height, width = silhouettes.shape[1:]
  legs = silhouettes[:, height * 3 // 4 :] > 127
  columns = np.arange(width)
  mass = np.maximum(legs.sum((1, 2)), 1)
  mean = (legs.sum(1) * columns).sum(1) / mass
  square = (legs.sum(1) * columns**2).sum(1) / mass
  return np.sqrt(np.maximum(square - mean**2, 0))


def _period(signal: np.ndarray, rate: float) -> float:
  """Returns the frames of a step, half a cycle, or 0 where none is seen."""
  low, high = (rate * seconds / 2 for seconds in _CYCLE)
  first, last = max(int(low), 1), min(int(np.ceil(high)), len(signal) // 2)
  # People come nearer: what changes over more than a cycle is no step.
  width = int(2 * high) | 1
  padded = np.pad(signal, width // 2, mode='edge')
  signal = signal - np.convolve(padded, np.ones(width) / width, 'valid')
  power = float(np.mean(signal**2))
  if last <= first or power < 1e-6:
    return 0.0
  lags = range(max(first - 1, 1), min(last + 2, len(signal) - 1))
  repeats = np.array(
    [np.mean(signal[lag:] * signal[:-lag]) / power for lag in lags]
  )
  best = int(np.argmax(repeats))
  if repeats[best] < _REPEATS or best in (0, len(repeats) - 1):
    return 0.0
  # The top of the parabola through the largest three.
  left, top, right = repeats[best - 1 : best + 2]
  shift = (left - right) / (2 * (left - 2 * top + right))
  return lags[best] + float(shift)
