"""What each subject adds to a number, and how sure that makes it.

An interval says how far a number would move if other people had been tested:
subjects are drawn again with replacement, with all their probes, from the same
gallery (the percentile bootstrap, Efron and Tibshirani, "An Introduction to the
Bootstrap", 1993, chapters 13 and 16).
"""

import functools
import pathlib
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from gaitgs_jax import atomic, npz
from gaitgs_jax.errors import UserError, one_line

# Bytes of a file of outcomes.
_LARGEST = 2**30
_DRAWS = 1000
_SEED = 0
# 95 % lie between these percentiles.
_PERCENTILES = (2.5, 97.5)


class Outcomes(NamedTuple):
  """What the probes of each of s subjects add to one number.

  Attributes:
    subjects: str [s].
    right: float [s, probe views, gallery views], what was found; of one gallery
      of all views, or where all probes count alike, an axis has the length 1.
    total: float of the same shape, how much there was to find.
  """

  subjects: np.ndarray
  right: np.ndarray
  total: np.ndarray

  def cells(self) -> np.ndarray:
    """Returns percentages [probe views, gallery views], NaN without any."""
    return _percent(self.right.sum(0), self.total.sum(0))

  def by_probe_view(self) -> np.ndarray:
    """Returns the mean over gallery views of each probe view, in percent."""
    return mean(self.cells())

  def number(self) -> float:
    """Returns the mean over probe views, in percent."""
    return float(mean(self.by_probe_view()))

  def without_identical(self) -> 'Outcomes':
    """Returns the outcomes less those in galleries of the probe's own view."""
    return self._replace(
      total=self.total * ~np.eye(self.total.shape[1], dtype=bool)
    )

  def over_views(self) -> 'Outcomes':
    """Returns the outcomes with all probes of a subject in one cell."""
    right, total = (
      each.sum((1, 2), keepdims=True) for each in (self.right, self.total)
    )
    return self._replace(right=right, total=total)

  def interval(self) -> np.ndarray:
    """Returns within what 95 % of the draws of subjects lie, [2], in percent.

    NaN for a single subject.
    """
    if len(self.subjects) < 2:
      return np.full(2, np.nan)
    return between(self.draws())

  def draws(self) -> np.ndarray:
    """Returns the number for each draw of subjects, the same for equal s."""
    given = self.right * (self.total > 0), self.total
    return mean(mean(_percent(*map(drawn, given))))


def drawn(values: np.ndarray) -> np.ndarray:
  """Returns the sums [draws,...] of what each subject has, [s,...]."""
  flat = values.reshape(len(values), -1)
  return (_counts(len(values)) @ flat).reshape(-1, *values.shape[1:])


def add_up(
  values: np.ndarray,
  counted: np.ndarray,
  subjects: np.ndarray,
  views: np.ndarray,
  view_count: int,
) -> Outcomes:
  """Returns the outcomes of n probes.

  Args:
    values: [n, gallery views], what was found, 0..1.
    counted: bool [n, gallery views], what counts.
    subjects: str [n].
    views: int [n], the view of each probe.
    view_count: how many views probes have.
  """
  names, who = np.unique(subjects, return_inverse=True)
  cells = len(names) * view_count
  place = who * view_count + views
  right, total = (
    np.stack([np.bincount(place, column, cells) for column in each.T], axis=-1)
    for each in (np.where(counted, values, 0.0), counted.astype(float))
  )
  shape = (len(names), view_count, values.shape[1])
  return Outcomes(names, right.reshape(shape), total.reshape(shape))


def difference(one: Outcomes, other: Outcomes) -> tuple[float, np.ndarray]:
  """Returns how much better one is, in points, and the interval of that.

  Paired: both are counted on the same draws of the subjects that both have.

  Args:
    one: outcomes of a number.
    other: those of the same number and protocol of another model.

  Returns:
    (difference, [2]).

  Raises:
    UserError: they have fewer than two subjects in common, or other views.
  """
  common = np.intersect1d(one.subjects, other.subjects)
  if len(common) < 2 or one.right.shape[1:] != other.right.shape[1:]:
    raise UserError(
      f'two results of {len(one.subjects)} and {len(other.subjects)} subjects, '
      f'{len(common)} of them the same, in cells {one.right.shape[1:]} and '
      f'{other.right.shape[1:]} cannot be paired: evaluate both on the same '
      'test set'
    )
  one, other = (_of(each, common) for each in (one, other))
  apart = one.draws() - other.draws()
  return one.number() - other.number(), between(apart)


def save(outcomes: Mapping[str, Outcomes], path: pathlib.Path) -> None:
  """Writes outcomes by the keys of their numbers, all of them or none.

  Raises:
    UserError: the file cannot be written.
  """
  arrays = {
    f'{key}/{name}': values
    for key, each in outcomes.items()
    for name, values in each._asdict().items()
  }
  with atomic.writing(path) as file:
    np.savez_compressed(file, allow_pickle=False, **arrays)


def load(path: pathlib.Path) -> dict[str, Outcomes]:
  """Reads what `save` wrote.

  Raises:
    UserError: it cannot be read, or is something else.
  """
  try:
    arrays = dict(npz.read(path, _LARGEST))
    keys = {name.rpartition('/')[0] for name in arrays}
    return {key: _checked(key, arrays) for key in sorted(keys)}
  except OSError as error:
    raise UserError(f'cannot read {path}: {error.strerror or error}') from error
  except (ValueError, KeyError) as error:
    raise UserError(
      f'{path} does not hold outcomes of an evaluation ({one_line(error)}); '
      'delete it and evaluate again'
    ) from error


def _checked(key: str, arrays: Mapping[str, np.ndarray]) -> Outcomes:
  found = Outcomes(*(arrays[f'{key}/{name}'] for name in Outcomes._fields))
  subjects, right, total = found
  if (
    subjects.dtype.kind != 'U'
    or subjects.ndim != 1
    or right.dtype != float
    or total.dtype != float
    or right.ndim != 3
    or right.shape != total.shape
    or len(right) != len(subjects)
  ):
    raise ValueError(f'{key!r} has other arrays')
  return found


def mean(values: np.ndarray) -> np.ndarray:
  """Returns the mean of what is there along the last axis, else NaN."""
  there = ~np.isnan(values)
  count = there.sum(-1)
  total = np.where(there, values, 0.0).sum(-1)
  return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _of(outcomes: Outcomes, subjects: np.ndarray) -> Outcomes:
  kept = np.isin(outcomes.subjects, subjects)
  return Outcomes(*(each[kept] for each in outcomes))


def _percent(right: np.ndarray, total: np.ndarray) -> np.ndarray:
  empty = np.full(total.shape, np.nan)
  return np.divide(100.0 * right, total, out=empty, where=total > 0)


def between(draws: np.ndarray) -> np.ndarray:
  """Returns within what 95 % of the draws lie, [2]; NaN is left out."""
  draws = draws[~np.isnan(draws)]
  return (
    np.percentile(draws, _PERCENTILES) if len(draws) else np.full(2, np.nan)
  )


@functools.cache
def _counts(subjects: int) -> np.ndarray:
  """Returns how often each subject is in each draw, float [draws, subjects]."""
  random = np.random.default_rng(_SEED)
  chances = np.full(subjects, 1 / subjects)
  return random.multinomial(subjects, chances, _DRAWS).astype(float)
