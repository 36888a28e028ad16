"""Finding the nearest walks; another index needs `Backend`'s one method."""

from typing import Protocol

import numpy as np

from gaitgs_jax.evaluation import search
from gaitgs_jax.evaluation.search import Found


class Backend(Protocol):
  """What finds the nearest of a gallery's walks."""

  def nearest(self, probes: np.ndarray, k: int) -> Found:
    """Returns the k nearest walks of each probe, nearest first.

    Their distances are those of `evaluation.distance`, whichever way they are
    found.

    Args:
      probes: float32 [n,p,d].
      k: at most the number of walks.
    """


class ExactTiles:
  """Compares with every walk, tile by tile.

  Args:
    embeddings: float32 [m,p,d].
    metric: 'euclidean' or 'cosine'.
  """

  def __init__(self, embeddings: np.ndarray, metric: str):
    self._embeddings, self._metric = embeddings, metric

  def nearest(self, probes: np.ndarray, k: int) -> Found:
    """Returns the k nearest walks; see `Backend`.

    Raises:
      UserError: an embedding holds numbers that are not finite.
    """
    return search.search(probes, self._embeddings, k, metric=self._metric)
