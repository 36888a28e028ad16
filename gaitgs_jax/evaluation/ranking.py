"""Who is nearest: rank-1 and average precision of probes against a gallery."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gaitgs_jax.evaluation import distance


class Nearest(NamedTuple):
  """The nearest gallery item so far, for each probe of a tile.

  Attributes:
    distance: float32 [n], infinite where there is none yet.
    item: int32 [n], its place in the gallery's rows.
  """

  distance: jax.Array
  item: jax.Array


@functools.partial(jax.jit, static_argnames='metric')
def _nearer(
  nearest: Nearest,
  probes: jax.Array,
  gallery: jax.Array,
  start: jax.Array,
  count: jax.Array,
  *,
  metric: str,
) -> Nearest:
  """Updates the nearest items with one gallery tile of `count` real rows."""
  matrix = distance.distances(probes, gallery, metric=metric)
  real = jnp.arange(matrix.shape[1]) < count
  matrix = jnp.where(real[None, :], matrix, jnp.inf)
  item = jnp.argmin(matrix, 1).astype(jnp.int32)
  closest = jnp.min(matrix, 1)
  # Strictly nearer, so that the first of equals wins, as in a stable ranking.
  better = closest < nearest.distance
  return Nearest(
    jnp.where(better, closest, nearest.distance),
    jnp.where(better, start + item, nearest.item),
  )


def nearest_rows(
  embeddings: np.ndarray,
  probes: np.ndarray,
  galleries: Sequence[np.ndarray],
  *,
  metric: str,
) -> np.ndarray:
  """Finds each probe's nearest item in each of several galleries.

  The distance matrix is never held: gallery tiles pass by, and only the
  nearest item of each is remembered.

  Args:
    embeddings: [N,p,d], of which only tiles are read.
    probes: int [n], rows of the embeddings.
    galleries: one int array of rows per gallery; an empty one is allowed.
    metric: 'euclidean' or 'cosine'.

  Returns:
    int [n, number of galleries], rows of the embeddings; -1 where the gallery
    is empty. The first of equally near items in its gallery's order is taken.
  """
  result = np.full((len(probes), len(galleries)), -1, np.int64)
  largest = max(map(len, galleries), default=0)
  probe_size = distance.tile_rows(
    embeddings, len(probes), distance.PROBE_TILE_BYTES
  )
  gallery_size = distance.tile_rows(
    embeddings, largest, distance.GALLERY_TILE_BYTES
  )
  done = 0
  for chosen, tile in distance.tiles(embeddings, probes, probe_size):
    for column, gallery in enumerate(galleries):
      if len(gallery):
        item = _nearest_items(
          embeddings, tile, gallery, gallery_size, metric=metric
        )
        rows = gallery[item[: len(chosen)]]
        result[done : done + len(chosen), column] = rows
    done += len(chosen)
  return result


def _nearest_items(
  embeddings: np.ndarray,
  probes: jax.Array,
  gallery: np.ndarray,
  size: int,
  *,
  metric: str,
) -> np.ndarray:
  """Returns the place in `gallery` of each probe's nearest item, int32 [n]."""
  n = probes.shape[1]
  nearest = Nearest(
    jnp.full((n,), jnp.inf, jnp.float32), jnp.zeros((n,), jnp.int32)
  )
  start = 0
  for rows, tile in distance.tiles(embeddings, gallery, size):
    previous = nearest
    nearest = _nearer(
      nearest,
      probes,
      tile,
      jnp.int32(start),
      jnp.int32(len(rows)),
      metric=metric,
    )
    start += len(rows)
    # One tile computes while the next is read; more would pile up in memory.
    jax.block_until_ready(previous)
  return np.asarray(nearest.item)


_distances = jax.jit(distance.distances, static_argnames='metric')


def rank_all(
  embeddings: np.ndarray,
  probes: np.ndarray,
  gallery: np.ndarray,
  subjects: np.ndarray,
  views: np.ndarray,
  *,
  metric: str,
) -> tuple[np.ndarray, np.ndarray]:
  """Ranks a gallery of all views for each probe.

  Gallery items of the probe's own subject seen from its own view are dropped.

  Args:
    embeddings: [N,p,d].
    probes: int [n], rows of the embeddings.
    gallery: int [m], rows of the embeddings.
    subjects: int [N].
    views: int [N].
    metric: 'euclidean' or 'cosine'.

  Returns:
    Whether the nearest item is of the probe's subject, bool [n], and the
    average precision, float [n], NaN without an item to find.
  """
  # A tile keeps its distances to the whole gallery: bounded by both sizes.
  probe_size = min(
    distance.tile_rows(embeddings, len(probes), distance.PROBE_TILE_BYTES),
    max(1, distance.PROBE_TILE_BYTES // (4 * max(1, len(gallery)))),
  )
  correct = np.zeros(len(probes), bool)
  precision = np.full(len(probes), np.nan)
  place = 0
  for chosen, tile in distance.tiles(embeddings, probes, probe_size):
    block = _distances_to_all(embeddings, tile, gallery, metric=metric)
    for probe, row in zip(chosen, block, strict=False):
      same = subjects[gallery] == subjects[probe]
      kept = ~(same & (views[gallery] == views[probe]))
      positive = same[kept][np.argsort(row[kept], kind='stable')]
      correct[place] = positive[:1].any()
      precision[place] = average_precision(positive)
      place += 1
  return correct, precision


def _distances_to_all(
  embeddings: np.ndarray,
  probes: jax.Array,
  gallery: np.ndarray,
  *,
  metric: str,
) -> np.ndarray:
  """Returns the distances of a probe tile to the gallery, float32 [n,m]."""
  size = distance.tile_rows(
    embeddings, len(gallery), distance.GALLERY_TILE_BYTES
  )
  matrix = np.empty((probes.shape[1], len(gallery)), np.float32)
  start = 0
  for rows, tile in distance.tiles(embeddings, gallery, size):
    columns = slice(start, start + len(rows))
    block = _distances(probes, tile, metric=metric)
    matrix[:, columns] = np.asarray(block)[:, : len(rows)]
    start += len(rows)
  return matrix


def average_precision(positive: np.ndarray) -> float:
  """Returns the mean, over positives, of the precision at their rank.

  Args:
    positive: bool [m], whether each ranked item is right, nearest first.

  Returns:
    A fraction, or NaN where nothing is positive.
  """
  ranks = np.flatnonzero(positive) + 1
  if not len(ranks):
    return float('nan')
  return float(np.mean(np.arange(1, len(ranks) + 1) / ranks))
