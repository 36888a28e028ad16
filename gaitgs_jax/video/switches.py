"""How well tracks follow people whose true masks are known."""

from typing import NamedTuple

import numpy as np
from scipy import optimize


class Counts(NamedTuple):
  """What tracking got right.

  Attributes:
    switches: times that a person's track was another than before.
    missed: people in frames that no track follows.
    false: tracks in frames that follow nobody.
    overlap: mean intersection over union of people and what was found of them.
  """

  switches: int
  missed: int
  false: int
  overlap: float


def count(
  overlaps: list[np.ndarray],
  people: list[np.ndarray],
  tracks: list[np.ndarray],
  least: float = 0.5,
) -> Counts:
  """Counts identity switches, as CLEAR MOT does (Bernardin, Stiefelhagen 2008).

  Args:
    overlaps: of each frame the intersection over union [people,found].
    people: of each frame who is in it, [people].
    tracks: of each frame the number of each track that was found, [found].
    least: overlap from which a person is found.
  """
  last: dict[int, int] = {}
  switches = missed = false = 0
  shared: list[float] = []
  for each, who, numbers in zip(overlaps, people, tracks, strict=True):
    rows, columns = optimize.linear_sum_assignment(each, maximize=True)
    good = each[rows, columns] >= least
    missed += len(who) - int(good.sum())
    false += len(numbers) - int(good.sum())
    shared += each[rows[good], columns[good]].tolist()
    for i, j in zip(rows[good].tolist(), columns[good].tolist(), strict=True):
      person, number = int(who[i]), int(numbers[j])
      switches += last.get(person, number) != number
      last[person] = number
  mean = float(np.mean(shared)) if shared else 0.0
  return Counts(switches, missed, false, mean)
