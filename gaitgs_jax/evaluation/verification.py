"""Whether two sequences show the same person, and whether anybody is known.

Verification accepts a pair of sequences whose distance is at most a threshold;
open-set identification names the nearest of a gallery if it is within one, and
says "unknown" otherwise (Grother and Ngan, NIST IR 8009, and ISO/IEC 19795-1,
say how both are counted).
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import outcomes
from gaitgs_jax.evaluation.outcomes import Outcomes
from gaitgs_jax.evaluation.protocols.counting import Counted, Result
from gaitgs_jax.evaluation.protocols.evaluation import Evaluation
from gaitgs_jax.evaluation.protocols.rules import Protocol, key
from gaitgs_jax.evaluation.protocols.selection import (
  Group,
  Labels,
  Selection,
)

# How often strangers may be accepted, as results name it.
RATES = {'1e-2': 1e-2, '1e-3': 1e-3}
# What `verify` counts in addition to the thresholds and the curve.
METRICS = (
  'EER',
  *(f'{each}@{rate}' for each in ('TAR', 'DIR') for rate in RATES),
)
# Of the curve: from one in 100,000 to all.
_CURVE = np.logspace(-5, 0, 51)
# Of `thresholds`, as many as the impostors are enough for.
_THRESHOLDS = np.logspace(-8, 0, 81)
# Bars of the histograms.
_BARS = 40
# Bits of a float32 that a bin leaves out: distances within 1.2e-4 of one
# another, relatively, are in the same.
_BITS = 10
_BINS = 2 ** (31 - _BITS)


def verify(
  protocol: str | Protocol,
  embeddings: np.ndarray,
  subjects: Labels,
  conditions: Labels,
  views: Labels,
  *,
  metric: str = 'euclidean',
  columns: Mapping[str, Labels] | None = None,
) -> Result:
  """Counts errors of verification and of open-set identification.

  Pairs are a probe and a gallery sequence of the protocol, less those that it
  drops; all views of the gallery are one. For open sets every probe is looked
  up twice: as it is, and as a stranger, without its own subject.

  Args:
    protocol: as for `evaluate`.
    embeddings: [N,p,d].
    subjects: N strings.
    conditions: N strings.
    views: N strings.
    metric: 'euclidean' or 'cosine'.
    columns: as for `evaluate`.

  Returns:
    For each name of probes, in percent but for thresholds. NaN where there are
    too few impostors for a rate.

    - 'NM/EER': where as many of the genuine pairs are refused as impostors are
      accepted.
    - 'NM/TAR@1e-2': genuine pairs accepted where 1 in 100 impostors are;
      also 1e-3. 'NM/TAR@1e-2_interval' [2] and those of DIR are of other
      probes at the same threshold, see `outcomes`.
    - 'NM/threshold@1e-2': the distance that accepts these.
    - 'NM/thresholds' [2,k]: rates of impostors, ascending, and the distance
      that accepts no more; down to one impostor in all.
    - 'NM/DIR@1e-2': probes that are found first, and within the distance that
      names 1 in 100 strangers; also 1e-3.
    - 'NM/ROC' [2,51]: accepted impostors and accepted genuine pairs.
    - 'NM/distances' [3,40]: middles of equal ranges of distances, and how many
      of the genuine pairs and of the impostors are in each.

  Raises:
    UserError: as `evaluate`; or the protocol has no distances of known people.
  """
  evaluation = Evaluation.of(
    protocol,
    embeddings,
    subjects,
    conditions,
    views,
    metric=metric,
    columns=columns,
  )
  return count(evaluation).result


def count(evaluation: Evaluation) -> Counted:
  """Returns what `verify` returns, and what each subject adds to TAR and DIR.

  Raises:
    UserError: the protocol has no distances of known people.
  """
  rules, chosen = evaluation.rules, evaluation.selection
  if rules.classes or rules.submission:
    raise UserError(
      f'protocol {rules.name!r} has no genuine pairs to verify: choose one '
      'that counts ranks'
    )
  counted = Counted({}, {})
  for group in chosen.groups:
    seen = _Seen.of(evaluation, group)
    probes = group.probe_rows()
    subjects = chosen.columns['subject'][probes]
    for name, rows in group.probes.items():
      numbers, found = seen.numbers(name, np.searchsorted(probes, rows))
      for each, value in numbers.items():
        counted.result[key(name, each)] = value
      for each, (values, places) in found.items():
        counted.add(key(name, each), _added(values, subjects[places]))
  return counted


class _Seen(NamedTuple):
  """What the distances of n probes to a gallery show.

  Attributes:
    tallies: of the pairs of each name of probes.
    nearest: float32 [2,n], of the probe's subject and of anybody else.
    places: int [pairs], which probe it is, of each genuine pair: these are few.
    distances: float32 [pairs], of it.
  """

  tallies: dict[str, '_Tally']
  nearest: np.ndarray
  places: np.ndarray
  distances: np.ndarray

  @classmethod
  def of(cls, evaluation: Evaluation, group: Group) -> '_Seen':
    chosen, probes = evaluation.selection, group.probe_rows()
    tallies = {name: _Tally.empty() for name in group.probes}
    nearest = np.full((2, len(probes)), np.inf, np.float32)
    places, distances = [], []
    for start, block in evaluation.distance_blocks(group):
      some = slice(start, start + len(block))
      genuine, impostor = _pairs(chosen, probes[some], group.gallery)
      nearest[0, some] = np.where(genuine, block, np.inf).min(1)
      nearest[1, some] = np.where(impostor, block, np.inf).min(1)
      places.append(start + np.nonzero(genuine)[0])
      distances.append(block[genuine])
      for name, rows in group.probes.items():
        own = np.isin(probes[some], rows)
        tallies[name].add(block[own], genuine[own], impostor[own])
    return cls(
      tallies, nearest, np.concatenate(places), np.concatenate(distances)
    )

  def numbers(
    self, name: str, at: np.ndarray
  ) -> tuple[Result, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Returns the numbers of a name of probes.

    Args:
      name: of the probes.
      at: int [k], their places among all, ascending.

    Returns:
      Numbers; and of each rate of TAR and DIR what was found, bool [any], and
      the place of its probe, int [any].
    """
    numbers = self.tallies[name].numbers()
    own = np.isin(self.places, at)
    found = {
      f'TAR@{rate}': (self.distances[own] <= limit, self.places[own])
      for rate in RATES
      if (limit := numbers.get(f'threshold@{rate}')) is not None
    }
    for each, values in _open_set(*self.nearest[:, at]).items():
      numbers[each] = np.nan
      if values is not None:
        found[each] = values, at
    return numbers, found


def _added(found: np.ndarray, subjects: np.ndarray) -> Outcomes:
  """Returns what subjects str [n] add to what was found, bool [n]."""
  every, one = np.ones((len(found), 1), bool), np.zeros(len(found), int)
  return outcomes.add_up(found[:, None].astype(float), every, subjects, one, 1)


def _pairs(
  chosen: Selection, probes: np.ndarray, gallery: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Returns which pairs are genuine and which impostors, bool [n,m] each."""
  alike = chosen.subjects[probes][:, None] == chosen.subjects[gallery]
  if chosen.same is None:
    return alike, ~alike
  kept = chosen.same[probes][:, None] != chosen.same[gallery]
  return alike & kept, ~alike & kept


class _Tally(NamedTuple):
  """How many distances there are in each bin, int [bins] each."""

  genuine: np.ndarray
  impostor: np.ndarray

  @classmethod
  def empty(cls) -> '_Tally':
    return cls(*np.zeros((2, _BINS), np.int64))

  def add(
    self, block: np.ndarray, genuine: np.ndarray, impostor: np.ndarray
  ) -> None:
    # Of numbers that are not negative, the bits ascend as the numbers do.
    bits = np.maximum(block, 0).astype(np.float32).view(np.int32) >> _BITS
    for counts, which in zip(self, (genuine, impostor), strict=True):
      counts += np.bincount(bits[which], minlength=_BINS)

  def numbers(self) -> Result:
    genuine, impostor = (np.cumsum(counts) for counts in self)
    if not (genuine[-1] and impostor[-1]):
      return {}
    accepted, wrongly = genuine / genuine[-1], impostor / impostor[-1]
    places = {n: _last_within(wrongly, r) for n, r in RATES.items()}
    # As many bits as a bin has, so that all of it is within.
    ends = (np.arange(_BINS, dtype=np.int32) << _BITS) + (2**_BITS - 1)
    ends = ends.view(np.float32)
    numbers: Result = {'EER': 100 * _equal_error(accepted, wrongly)}
    for name, place in places.items():
      enough = impostor[-1] * RATES[name] >= 1
      numbers[f'TAR@{name}'] = _part(accepted, place) if enough else np.nan
      if enough and place >= 0:
        numbers[f'threshold@{name}'] = float(ends[place])
    numbers['thresholds'] = _thresholds(wrongly, int(impostor[-1]), ends)
    curve = [_part(accepted, _last_within(wrongly, rate)) for rate in _CURVE]
    numbers['ROC'] = np.array([100 * _CURVE, curve])
    numbers['distances'] = _histograms(accepted, wrongly, ends)
    return numbers


def _histograms(
  accepted: np.ndarray, wrongly: np.ndarray, ends: np.ndarray
) -> np.ndarray:
  """Returns middles of bars, and the parts of both in percent, [3,bars].

  Args:
    accepted: part of the genuine pairs within each bin, ascending to 1.
    wrongly: the same of the impostors.
    ends: the largest distance of each bin.
  """
  first = np.argmax((accepted > 0) | (wrongly > 0))
  last = np.argmax((accepted >= 1) & (wrongly >= 1))
  edges = np.linspace(ends[first], ends[last], _BARS + 1)
  places = np.searchsorted(ends[: last + 1], edges[1:], side='right') - 1
  bars = [
    100 * np.diff(each[places], prepend=0.0) for each in (accepted, wrongly)
  ]
  return np.array([(edges[1:] + edges[:-1]) / 2, *bars])


def _thresholds(
  wrongly: np.ndarray, impostors: int, ends: np.ndarray
) -> np.ndarray:
  """Returns percentages of impostors and the distances that accept them.

  Args:
    wrongly: part of the impostors within each bin, ascending to 1.
    impostors: how many there are.
    ends: the largest distance of each bin.

  Returns:
    [2,k], both ascending; k is 0 where a single bin holds too many.
  """
  rates = _THRESHOLDS[_THRESHOLDS * impostors >= 1]
  places = np.array([_last_within(wrongly, rate) for rate in rates])
  rates, places = rates[places >= 0], places[places >= 0]
  # Bins beyond the last impostor hold no distance that was seen.
  places = np.minimum(places, np.argmax(wrongly >= 1))
  return np.array([100 * rates, ends[places]])


def _last_within(rates: np.ndarray, rate: float) -> int:
  """Returns the last place where ascending rates are within one, or -1."""
  return int(np.searchsorted(rates, rate, side='right')) - 1


def _part(accepted: np.ndarray, place: int) -> float:
  return float(100 * accepted[place]) if place >= 0 else 0.0


def _equal_error(accepted: np.ndarray, wrongly: np.ndarray) -> float:
  """Returns where refused genuine pairs and accepted impostors are as many.

  Args:
    accepted: part of the genuine pairs within each threshold, ascending to 1.
    wrongly: the same of the impostors.
  """
  apart = wrongly - (1 - accepted)
  after = int(np.argmax(apart >= 0))
  if not after:
    return float(wrongly[0] + 1 - accepted[0]) / 2
  # In between both are taken to be straight.
  step = apart[after - 1] / (apart[after - 1] - apart[after])
  return float(
    wrongly[after - 1] + step * (wrongly[after] - wrongly[after - 1])
  )


def _open_set(
  own: np.ndarray, other: np.ndarray
) -> dict[str, np.ndarray | None]:
  """Returns which probes are found where so many strangers are named, bool [n].

  None of a rate for which there are too few.

  Args:
    own: [n], distance of the nearest sequence of the probe's subject.
    other: [n], that of the nearest one of anybody else.
  """
  numbers: dict[str, np.ndarray | None] = {}
  names = np.sort(other)
  for name, rate in RATES.items():
    allowed = int(rate * len(own))
    # The next stranger would be one too many.
    within = own < names[allowed] if allowed < len(own) else own < np.inf
    numbers[f'DIR@{name}'] = (own <= other) & within if allowed else None
  return numbers
