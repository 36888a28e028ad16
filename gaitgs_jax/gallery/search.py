"""Finding the nearest walks; another index needs one method of `Index`."""

import concurrent.futures
import functools
import os
from collections.abc import Callable
from typing import Protocol

import numpy as np

from gaitgs_jax.evaluation import search
from gaitgs_jax.evaluation.search import Found

# Probes that are compared one by one: each reads the gallery once, in its
# order. Matrix products pay from there on.
_FEW = 8
# Walks that a thread compares at a time.
_TILE = 1024


class Index(Protocol):
  """What finds the nearest of the walks in memory."""

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
    embeddings: float32 [m,p,d], contiguous.
    metric: 'euclidean' or 'cosine'.
  """

  def __init__(self, embeddings: np.ndarray, metric: str):
    self._embeddings, self._metric = embeddings, metric

  def nearest(self, probes: np.ndarray, k: int) -> Found:
    """Returns the k nearest walks; see `Index`.

    Raises:
      UserError: an embedding holds numbers that are not finite.
    """
    if len(probes) <= _FEW:
      found = [self._nearest(probe, k) for probe in probes]
      if all(np.isfinite(distances).all() for distances, _ in found):
        return Found(*map(np.stack, zip(*found, strict=True)))
    return search.search(probes, self._embeddings, k, metric=self._metric)

  def prepare(self) -> None:
    """Computes what every search needs, which the first one does otherwise."""
    _ = self._squares

  @functools.cached_property
  def _squares(self) -> np.ndarray:
    """The squared lengths of the parts, float32 [m,p]."""
    return self._tiled(lambda tile: np.einsum('mpd,mpd->mp', tile, tile))

  def _nearest(
    self, probe: np.ndarray, k: int
  ) -> tuple[np.ndarray, np.ndarray]:
    """Returns distances [k] and rows [k] of the walks nearest to one [p,d]."""
    products = self._tiled(lambda tile: np.einsum('mpd,pd->mp', tile, probe))
    apart = _distances(
      products, np.sum(probe * probe, -1), self._squares, self._metric
    )
    if not np.isfinite(apart).all():
      return np.full(k, np.nan), np.arange(k)
    rows = np.flatnonzero(apart <= np.partition(apart, k - 1)[k - 1])
    rows = rows[np.lexsort((rows, apart[rows]))][:k]
    return apart[rows], rows

  def _tiled(self, call: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Returns what a function [t,p,d] -> [t,p] makes of all walks, [m,p]."""
    walks, parts, _ = self._embeddings.shape
    result = np.empty((walks, parts), np.float32)

    def fill(start: int) -> None:
      some = slice(start, start + _TILE)
      result[some] = call(self._embeddings[some])

    # Numpy lets other threads run as it multiplies.
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as threads:
      for _ in threads.map(fill, range(0, walks, _TILE)):
        pass
    return result


def _distances(
  products: np.ndarray, own: np.ndarray, squares: np.ndarray, metric: str
) -> np.ndarray:
  """Returns distances [m], as `evaluation.distance` computes them.

  Args:
    products: of the parts of a probe and of each walk [m,p].
    own: squared lengths of the probe's parts [p].
    squares: those of the walks' [m,p].
    metric: 'euclidean' or 'cosine'.
  """
  if metric == 'cosine':
    scale = _inverse_length(own) * _inverse_length(squares)
    return 1 - np.mean(products * scale, -1)
  return np.mean(np.sqrt(np.maximum(squares + own - 2 * products, 0)), -1)


def _inverse_length(squares: np.ndarray) -> np.ndarray:
  """Returns the inverse root of squared lengths, 0 where there is no length."""
  with np.errstate(divide='ignore'):
    return np.where(squares > 0, 1 / np.sqrt(squares), np.float32(0))
