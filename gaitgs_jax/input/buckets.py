"""Batches of whole sequences in few lengths, with little padding.

Every new batch shape compiles the model again, and every padded frame is
computed for nothing. Sequences are padded to a few lengths, chosen so that the
frames computed are as few as that many lengths allow. They are sorted by length
and cut into batches of about as many frames: of long sequences a batch has few,
so that one long sequence does not pad many short ones, nor need more memory.
"""

import collections
import dataclasses
from collections.abc import Iterator

import numpy as np

from gaitgs_jax.errors import UserError

# The share of computed frames that may be padding.
MAX_WASTE = 0.15


@dataclasses.dataclass(frozen=True)
class Planned:
  """A batch to be made.

  Attributes:
    rows: which sequences it holds, integers.
    length: to how many frames they are padded.
    size: how many rows it has; those beyond `rows` only fill it.
  """

  rows: np.ndarray
  length: int
  size: int


def plan(
  length: np.ndarray,
  batch_frames: int,
  max_lengths: int,
  *,
  multiple: int = 1,
  max_waste: float = MAX_WASTE,
) -> list[Planned]:
  """Cuts rows 0..N-1 into batches of at most `batch_frames` frames.

  Padding counts. A batch has `multiple` rows even where these alone have more
  frames. Batches of the same length have as many rows, so there are no more
  shapes than lengths. The number of lengths is the least with which less than
  `max_waste` of the computed frames are padding; where `max_lengths` of them
  do not reach that, it is that with the least padding.

  Args:
    length: int [N], frames of each row.
    batch_frames: see above.
    max_lengths: greatest number of distinct lengths.
    multiple: divides the rows of every batch, such as the number of devices.
    max_waste: see above.

  Returns:
    The batches, longest first.
  """
  if batch_frames < 1 or max_lengths < 1:
    raise UserError(
      'evaluation needs a number of frames of a batch and a number of lengths '
      f'from 1 up, not {batch_frames} and {max_lengths}'
    )
  best: list[Planned] = []
  for lengths in _choices(length, max_lengths):
    batches = _cut(length, lengths, batch_frames, multiple)
    if not best or waste(length, batches) < waste(length, best):
      best = batches
    if waste(length, best) < max_waste:
      break
  return best


def _cut(
  length: np.ndarray, lengths: np.ndarray, batch_frames: int, multiple: int
) -> list[Planned]:
  """Cuts rows, longest first, into batches of the given lengths."""
  order = np.argsort(-length, kind='stable')
  groups, start = [], 0
  most: dict[int, int] = {}
  while start < len(order):
    longest = length[order[start]]
    padded = int(lengths[np.searchsorted(lengths, longest)])
    count = multiple * max(1, batch_frames // (padded * multiple))
    rows = order[start : start + count]
    groups.append((rows, padded))
    most[padded] = max(most.get(padded, 0), len(rows))
    start += count
  return [
    Planned(rows, padded, -(-most[padded] // multiple) * multiple)
    for rows, padded in groups
  ]


def waste(length: np.ndarray, batches: list[Planned]) -> float:
  """Returns which share of the computed frames is padding, 0..1."""
  computed = sum(batch.size * batch.length for batch in batches)
  return 1 - float(length.sum()) / computed


def _choices(length: np.ndarray, most: int) -> Iterator[np.ndarray]:
  """Yields the best 1, 2, ... `most` lengths, each choice ascending.

  Best: the sum over sequences of the least chosen length that holds it is the
  least possible. Dynamic programming over the distinct lengths.
  """
  values, counts = np.unique(length, return_counts=True)
  # Python's integers, which are exact.
  ends, lengths = [0, *np.cumsum(counts).tolist()], values.tolist()
  # Of the sequences with the j smallest values, in as many lengths as were
  # chosen so far; no fewer values than lengths.
  costs = [0]
  backs: list[list[int]] = []
  for first in range(min(most, len(lengths))):
    costs, back = _one_more(costs, first, ends, lengths)
    backs.append(back)
    yield _trace(lengths, backs)


def _one_more(
  costs: list[int], first: int, ends: list[int], lengths: list[int]
) -> tuple[list[int], list[int]]:
  """Returns the costs with one more length, and where it begins.

  That of the j smallest values is the least over i < j of

    costs[i] + (ends[j] - ends[i]) * lengths[j - 1],

  where i values keep the lengths that they have. For each i this is a line in
  lengths[j - 1], which ascends while the slopes -ends[i] descend. So only the
  lines that are the lowest somewhere ahead are kept, in a queue, and all j take
  a time that grows with their number, not with its square.

  Args:
    costs: of `first`, `first` + 1, ... values.
    first: see above; the result begins with one value more.
    ends: how many sequences the j smallest values have, j from 0.
    lengths: the values, ascending.
  """
  lines: collections.deque[tuple[int, int, int]] = collections.deque()
  found, back = [], []
  for j in range(first + 1, len(lengths) + 1):
    if j - 1 - first < len(costs):
      _add_line(lines, (ends[j - 1], costs[j - 1 - first], j - 1))
    length = lengths[j - 1]
    while len(lines) > 1 and _height(lines[1], length) < _height(
      lines[0], length
    ):
      lines.popleft()
    found.append(_height(lines[0], length) + ends[j] * length)
    back.append(lines[0][2])
  return found, back


def _height(line: tuple[int, int, int], length: int) -> int:
  descent, start, _ = line
  return start - descent * length


def _add_line(
  lines: collections.deque[tuple[int, int, int]], new: tuple[int, int, int]
) -> None:
  """Adds a line, and removes those that are no longer the lowest anywhere."""
  while len(lines) > 1:
    (a, low, _), (b, middle, _) = lines[-2], lines[-1]
    # The new line crosses the last but one before the last does.
    if (new[1] - low) * (b - a) > (middle - low) * (new[0] - a):
      break
    lines.pop()
  lines.append(new)


def _trace(lengths: list[int], backs: list[list[int]]) -> np.ndarray:
  chosen, end = [], len(lengths)
  for number in reversed(range(len(backs))):
    chosen.append(lengths[end - 1])
    # With one length more than `number`, the first entry is of as many values.
    end = backs[number][end - number - 1]
  return np.asarray(chosen[::-1])
