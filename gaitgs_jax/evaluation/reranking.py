"""k-reciprocal encoding: who shares whose neighbours.

Zhong et al., "Re-ranking person re-identification with k-reciprocal encoding",
CVPR 2017, as OpenGait counts it for HID (distances are not squared). What is
held grows with the number of sequences, not with its square: a sequence has
weights for its few neighbours alone.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from gaitgs_jax.errors import UserError

# Numbers that one step of the search for neighbours compares.
_COMPARED = 2**22


class Weights(NamedTuple):
  """How much each of N sequences is a neighbour of each, where it is one.

  Attributes:
    starts: int [N + 1], where the entries of each sequence start.
    columns: int [entries], the neighbours, ascending within a sequence.
    values: float32 [entries]; those of a sequence sum to 1.
  """

  starts: np.ndarray
  columns: np.ndarray
  values: np.ndarray


def check(k1: int, k2: int, weight: float) -> None:
  """Raises UserError unless the numbers are within range."""
  if k1 < 1 or k2 < 1 or not 0 <= weight <= 1:
    raise UserError(
      f're-ranking got k1={k1}, k2={k2}, weight={weight}; k1 and k2 must be at '
      'least 1, and the weight within 0..1'
    )


def wanted(k1: int, k2: int) -> int:
  """Returns how many of the nearest of each sequence `encode` looks at."""
  return max(k1 + 1, k2)


def encode(
  near: np.ndarray,
  distances: Callable[[np.ndarray, np.ndarray], np.ndarray],
  k1: int,
  k2: int,
) -> Weights:
  """Returns the weights of the neighbours of N sequences.

  Args:
    near: int [N, up to `wanted(k1, k2)`], the nearest of each sequence among
      all, itself among them, nearest first.
    distances: gives the distances of sequences int [n] to others int [n], each
      divided by that of the former's farthest.
    k1: neighbours that may be reciprocal.
    k2: nearest, itself among them, whose neighbours a sequence shares.
  """
  # Half of an odd k1 is rounded to even, as published.
  half = round(k1 / 2)
  rows, columns = _neighbours(near, k1, half)
  values = np.exp(-distances(rows, columns)).astype(np.float32)
  starts = np.searchsorted(rows, np.arange(len(near) + 1))
  values /= np.bincount(rows, values, len(near))[rows].astype(np.float32)
  weights = Weights(starts, columns, values)
  return _shared(weights, near[:, :k2]) if k2 > 1 else weights


def _neighbours(
  near: np.ndarray, k1: int, half: int
) -> tuple[np.ndarray, np.ndarray]:
  """Returns (sequences, their neighbours), int [entries] each, in order.

  Neighbours are those that are reciprocal, and the closer half of theirs where
  more than two thirds of these are among the former.
  """
  narrow, wide = near[:, : half + 1], near[:, : k1 + 1]
  nobody = -1
  close, far = (
    np.where(
      np.concatenate(
        [
          (some[some[rows]] == rows[:, None, None]).any(-1)
          for rows in _steps(len(some), some.shape[1] ** 2)
        ]
      ),
      some,
      nobody,
    )
    for some in (narrow, wide)
  )
  keys = []
  for rows in _steps(len(near), narrow.shape[1] * wide.shape[1] ** 2):
    own = far[rows]
    theirs = np.where((own != nobody)[..., None], close[own], nobody)
    there = theirs != nobody
    known = (theirs[..., None] == own[:, None, None, :]).any(-1) & there
    added = known.sum(-1) > 2 / 3 * there.sum(-1)
    theirs = np.where(added[..., None], theirs, nobody)
    found = np.concatenate([own, theirs.reshape(len(rows), -1)], axis=1)
    key = np.where(found == nobody, -1, rows[:, None] * len(near) + found)
    unique = np.unique(key)
    keys.append(unique[unique >= 0])
  rows, columns = np.divmod(np.concatenate(keys), len(near))
  return rows, columns


def _steps(count: int, each: int) -> Iterator[np.ndarray]:
  """Yields ranges of rows, each row comparing so many numbers."""
  size = max(1, _COMPARED // each)
  for start in range(0, count, size):
    yield np.arange(start, min(count, start + size))


def _shared(weights: Weights, near: np.ndarray) -> Weights:
  """Returns the mean of the weights of the nearest of each sequence."""
  count, starts, columns, values = len(near), [np.zeros(1, int)], [], []
  longest = np.diff(weights.starts).max() * near.shape[1]
  for rows in _steps(count, int(longest)):
    owners = np.repeat(rows, near.shape[1])
    entries, place = _entries(weights.starts, near[rows].ravel())
    key = owners[place] * count + weights.columns[entries]
    unique, inverse = np.unique(key, return_inverse=True)
    sums = np.bincount(inverse, weights.values[entries])
    values.append((sums / near.shape[1]).astype(np.float32))
    row, column = np.divmod(unique, count)
    columns.append(column)
    starts.append(starts[-1][-1] + np.searchsorted(row, rows, side='right'))
  return Weights(
    np.concatenate(starts), np.concatenate(columns), np.concatenate(values)
  )


def _entries(
  starts: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Returns the entries of some rows, and the place of the row of each."""
  lengths = starts[rows + 1] - starts[rows]
  place = np.repeat(np.arange(len(rows)), lengths)
  first = np.cumsum(lengths) - lengths
  return starts[rows][place] + np.arange(len(place)) - first[place], place


class Jaccard:
  """Distances that count which neighbours two sequences have in common.

  Args:
    weights: of all sequences.
    gallery: int [m], those that others are compared with.
  """

  def __init__(self, weights: Weights, gallery: np.ndarray):
    self._weights, self._size = weights, len(gallery)
    entries, place = _entries(weights.starts, gallery)
    columns = weights.columns[entries]
    # By neighbour: who in the gallery has it, and how much.
    order = np.argsort(columns, kind='stable')
    self._place = place[order]
    self._values = weights.values[entries][order]
    every = np.arange(len(weights.starts))
    self._starts = np.searchsorted(columns[order], every)

  def __call__(self, probes: np.ndarray) -> np.ndarray:
    """Returns the distances of sequences int [n], float32 [n,m]."""
    starts = self._weights.starts
    result = np.empty((len(probes), self._size), np.float32)
    for number, probe in enumerate(probes):
      own = slice(starts[probe], starts[probe + 1])
      met, place = _entries(self._starts, self._weights.columns[own])
      less = np.minimum(self._values[met], self._weights.values[own][place])
      shared = np.bincount(self._place[met], less, self._size)
      # The weights of each sum to 1.
      result[number] = 1 - shared / (2 - shared)
    return result
