"""What a distance means: how often strangers come as near.

The rates are those of an evaluation: of pairs of a probe and a gallery walk of
two people, the share at most so far from one another. Of a gallery of m walks a
stranger comes within a distance of some walk at most m times as often (the
union bound, which needs no independence).
"""

import dataclasses
import json
from typing import Self

import numpy as np

from gaitgs_jax.errors import UserError, one_line
from gaitgs_jax.evaluation import result_files

# A rate may differ by its rounding.
_ROUNDING = 1 + 1e-9
# How the results of `evaluation.verify` end.
_CURVE, _POINT = 'thresholds', 'threshold@'


@dataclasses.dataclass(frozen=True)
class Calibration:
  """Distances, and how many pairs of strangers are at most as far apart.

  Attributes:
    rates: shares of the pairs [k], ascending.
    distances: [k], ascending.
    origin: the evaluation, for messages.
  """

  rates: np.ndarray
  distances: np.ndarray
  origin: str

  @classmethod
  def of(cls, saved: result_files.Saved, origin: str) -> Self | None:
    """Returns the calibration that an evaluation gives; None if it has none.

    Where it counts several kinds of probes, such as NM, BG and CL, the distance
    for a rate is the smallest of theirs.

    Args:
      saved: result of an evaluation with `config.evaluation.verification`.
      origin: what messages call it.
    """
    curves = _curves(saved.result)
    if not curves:
      return None
    least = max(rates[0] for rates, _ in curves)
    rates = np.unique(np.concatenate([rates for rates, _ in curves]))
    rates = rates[rates >= least]
    distances = np.min([_step(*curve, rates) for curve in curves], axis=0)
    return cls(rates, distances, origin)

  def threshold(self, rate: float, walks: int = 1) -> float:
    """Returns the distance that accepts a stranger at most so often.

    Args:
      rate: share of the strangers, 0..1.
      walks: with how many enrolled walks each is compared.

    Raises:
      UserError: the evaluation has too few pairs of strangers to say.
    """
    each = rate / walks * _ROUNDING
    if each < self.rates[0]:
      enough = min(1.0, self.rates[0] * walks)
      least = (
        f'pass --far={rounded_up(enough):g} or more'
        if enough < 1
        else 'use a smaller gallery'
      )
      compared = f' against {walks:,} enrolled walks' if walks > 1 else ''
      raise UserError(
        f'a false-accept rate of {rate:g}{compared} takes the distance of 1 in'
        f' {walks / rate:,.0f} pairs of strangers, but {self.origin} can say it'
        f' of 1 in {1 / self.rates[0]:,.0f} at best; {least}, or evaluate on'
        ' more people'
      )
    place = int(np.searchsorted(self.rates, each, side='right')) - 1
    return float(self.distances[place])

  def rate(self, distances: np.ndarray, walks: int = 1) -> np.ndarray:
    """Returns at most which share of strangers comes as near.

    A distance is within `threshold(r, walks)` where this is at most r.

    Args:
      distances: of any shape.
      walks: with how many enrolled walks a stranger is compared.
    """
    place = np.searchsorted(self.distances, distances, side='left')
    rates = np.append(self.rates, 1.0)
    return np.minimum(rates[place] * walks, 1.0)

  def to_json(self) -> str:
    """Returns it as text, for `from_json`."""
    return json.dumps(
      {
        'rates': self.rates.tolist(),
        'distances': self.distances.tolist(),
        'origin': self.origin,
      }
    )

  @classmethod
  def from_json(cls, text: str) -> Self:
    """Reads what `to_json` wrote.

    Raises:
      UserError: it is something else.
    """
    try:
      found = json.loads(text)
      rates, distances = (
        np.array(found[name], float) for name in ('rates', 'distances')
      )
      curves = _curves({_CURVE: np.array([100 * rates, distances])})
      if not curves:
        raise ValueError('it is empty')
      return cls(*curves[0], str(found['origin']))
    except (KeyError, TypeError, ValueError) as error:
      raise UserError(
        f'the calibration stored in the gallery is damaged ({one_line(error)});'
        ' pass --evaluation=FILE with the evaluation that it came from'
      ) from error


def _curves(
  result: dict[str, float | np.ndarray],
) -> list[tuple[np.ndarray, np.ndarray]]:
  """Returns rates and distances of each kind of probes.

  Raises:
    ValueError: they do not ascend.
  """
  points: dict[str, list[tuple[float, float]]] = {}
  for key, value in result.items():
    name, _, what = key.rpartition('/')
    if what == _CURVE:
      columns = np.asarray(value, float)
      if columns.ndim != 2 or len(columns) != 2:
        raise ValueError(f'{key!r} is not two rows')
      points[name] = [*zip(columns[0] / 100, columns[1], strict=True)]
  for key, value in result.items():
    name, _, what = key.rpartition('/')
    # Earlier versions saved two distances, and no curve.
    if what.startswith(_POINT) and f'{name}/{_CURVE}'.lstrip('/') not in result:
      rate = float(what.removeprefix(_POINT))
      points.setdefault(name, []).append((rate, float(np.asarray(value))))
  curves = []
  for pairs in points.values():
    rates, distances = np.array(sorted(pairs), float).reshape(-1, 2).T
    if not (
      np.isfinite(distances).all()
      and (np.diff(rates) > 0).all()
      and (np.diff(distances) >= 0).all()
      and ((rates > 0) & (rates <= 1 + 1e-9)).all()
    ):
      raise ValueError('its rates or distances do not ascend')
    if len(rates):
      curves.append((rates, distances))
  return curves


def _step(
  rates: np.ndarray, distances: np.ndarray, wanted: np.ndarray
) -> np.ndarray:
  """Returns the distance of the largest rate that is not above each wanted."""
  places = np.searchsorted(rates, wanted * _ROUNDING, side='right') - 1
  return distances[places]


def rounded_up(rate: float) -> float:
  """Returns a rate of two digits, not below."""
  unit = 10.0 ** (np.floor(np.log10(rate)) - 1)
  return float(np.ceil(rate / unit - 1e-9) * unit)
