"""Numbers of rankings and of classes; see `protocols` for what they count."""

import numpy as np


def average_precision(ranks: np.ndarray) -> float:
  """Returns the mean, over right items, of the precision at their rank.

  Args:
    ranks: int [k], ascending ranks of the right items, from 1.

  Returns:
    A fraction, or NaN where nothing is right.
  """
  if not len(ranks):
    return float('nan')
  return float(np.mean(np.arange(1, len(ranks) + 1) / ranks))


def cumulative_matches(first: np.ndarray, longest: int) -> np.ndarray:
  """Returns the fraction that is found within each rank, [longest].

  Args:
    first: int [n], rank of the first right item, from 1; 0 where there is none.
    longest: last rank wanted.

  Returns:
    NaN where there is no probe.
  """
  if not len(first):
    return np.full(longest, np.nan)
  found = np.bincount(first, minlength=longest + 1)[1 : longest + 1]
  return np.cumsum(found) / len(first)


def classification(
  predicted: np.ndarray, truth: np.ndarray, count: int
) -> dict[str, float]:
  """Returns accuracy, and precision, recall and F1 as means over classes.

  Classes that are neither predicted nor true are left out. The precision of a
  class that is never predicted is 0, as is the recall of one that is never
  true: what scikit-learn's macro averages give.

  Args:
    predicted: int [n], classes.
    truth: int [n], classes.
    count: how many classes there are.

  Returns:
    Fractions: 'accuracy', 'precision', 'recall', 'f1'.
  """
  one = np.zeros(len(truth), int)
  found = of_confusions(confusions(predicted, truth, one, count))
  return {name: float(values[0]) for name, values in found.items()}


def confusions(
  predicted: np.ndarray, truth: np.ndarray, groups: np.ndarray, count: int
) -> np.ndarray:
  """Returns how often each class was taken for each, int [groups,k,k].

  Args:
    predicted: int [n], classes.
    truth: int [n], classes; the first axis of the result.
    groups: int [n], such as subjects, from 0.
    count: how many classes there are, k.
  """
  groups_count = int(groups.max()) + 1
  place = (groups * count + truth) * count + predicted
  found = np.bincount(place, minlength=groups_count * count**2)
  return found.reshape(groups_count, count, count)


def of_confusions(found: np.ndarray) -> dict[str, np.ndarray]:
  """Returns the numbers of `classification` of each matrix, [...].

  Args:
    found: [...,k,k], true and predicted classes; none is empty.
  """
  right = np.diagonal(found, axis1=-2, axis2=-1)
  members, guesses = found.sum(-1), found.sum(-2)
  seen = guesses + members > 0
  means = {
    'precision': right / np.maximum(guesses, 1),
    'recall': right / np.maximum(members, 1),
    'f1': 2 * right / np.maximum(guesses + members, 1),
  }
  return {
    'accuracy': right.sum(-1) / found.sum((-2, -1)),
    **{name: (x * seen).sum(-1) / seen.sum(-1) for name, x in means.items()},
  }


def overlap(one: np.ndarray, other: np.ndarray) -> np.ndarray:
  """Returns the intersection over union of masks, [n]; 0 where both are empty.

  Args:
    one: [n,...], not 0 where somebody is.
    other: of the same shape.
  """
  axes = tuple(range(1, one.ndim))
  one, other = one.astype(bool), other.astype(bool)
  union = (one | other).sum(axes)
  return (one & other).sum(axes) / np.maximum(union, 1)
