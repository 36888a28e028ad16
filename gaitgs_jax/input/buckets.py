"""Batches of whole sequences in few lengths, with little padding.

Every new batch shape compiles the model anew, and every padded frame is
computed for nothing. Sequences are sorted by length and cut into batches, so
that only one batch of all is not full, and the batches share a few lengths,
chosen so that the frames computed are as few as that many lengths allow.
"""

import dataclasses

import numpy as np

from gaitgs_jax.errors import UserError

# The share of computed frames that may be padding.
MAX_WASTE = 0.15


@dataclasses.dataclass(frozen=True)
class Batch:
  """One batch: which rows, and to how many frames they are padded."""

  rows: np.ndarray
  length: int


def plan(
  length: np.ndarray,
  batch_size: int,
  max_lengths: int,
  max_waste: float = MAX_WASTE,
) -> list[Batch]:
  """Cuts rows 0..N-1 into batches of at most `batch_size` rows.

  The number of distinct lengths is the least with which less than `max_waste`
  of the computed frames are padding; where `max_lengths` of them do not reach
  that, it is the least that waste no more than `max_lengths` do.

  Args:
    length: int [N], frames of each row.
    batch_size: rows per batch; the last batch may have fewer.
    max_lengths: greatest number of distinct lengths.
    max_waste: see above.

  Returns:
    The batches, longest first.
  """
  if batch_size < 1 or max_lengths < 1:
    raise UserError(
      'evaluation needs a batch size and a number of lengths from 1 up, not'
      f' {batch_size} and {max_lengths}'
    )
  if not len(length):
    return []
  order = np.argsort(-length, kind='stable')
  groups = [
    order[start : start + batch_size]
    for start in range(0, len(order), batch_size)
  ]
  longest = np.asarray([length[group[0]] for group in groups])
  frames = int(length.sum())
  for lengths in _choices(longest, max_lengths):
    padded = lengths[np.searchsorted(lengths, longest)]
    if 1 - frames / (padded.sum() * batch_size) < max_waste:
      break
  return [Batch(*pair) for pair in zip(groups, padded.tolist(), strict=True)]


def waste(length: np.ndarray, batches: list[Batch], batch_size: int) -> float:
  """Returns which share of the computed frames is padding, 0..1."""
  computed = batch_size * sum(batch.length for batch in batches)
  return 1 - float(length.sum()) / computed


def _choices(longest: np.ndarray, most: int) -> list[np.ndarray]:
  """Returns the best 1, 2, ... `most` lengths, each choice ascending.

  Best: the sum over batches of the least chosen length that holds it is the
  least possible. Dynamic programming over the distinct lengths.
  """
  values, counts = np.unique(longest, return_counts=True)
  total = np.concatenate([[0], np.cumsum(counts)])
  most = min(most, len(values))
  # cost[j]: of the batches with the j smallest values, in `chosen` lengths.
  cost = np.where(np.arange(len(values) + 1) == 0, 0.0, np.inf)
  backs: list[np.ndarray] = []
  choices = []
  for _ in range(most):
    # step[i, j]: one more length, values[j - 1], for those after the i first.
    step = np.full((len(values) + 1, len(values) + 1), np.inf)
    for j in range(1, len(values) + 1):
      step[:j, j] = cost[:j] + (total[j] - total[:j]) * values[j - 1]
    backs.append(step.argmin(0))
    cost = step.min(0)
    choices.append(_trace(values, backs))
  return choices


def _trace(values: np.ndarray, backs: list[np.ndarray]) -> np.ndarray:
  chosen, end = [], len(values)
  for back in reversed(backs):
    chosen.append(values[end - 1])
    end = int(back[end])
  return np.asarray(chosen[::-1])
