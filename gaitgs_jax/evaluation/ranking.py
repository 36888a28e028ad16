"""Who is nearest: rank-1 and average precision of probes against a gallery."""

from collections.abc import Sequence

import jax
import numpy as np

from gaitgs_jax.evaluation import distance, search, sharing, tiles


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
  mesh = sharing.local_mesh()
  largest = max(map(len, galleries), default=0)
  size = sharing.rows_per_device(embeddings, largest, mesh)
  probe_size = tiles.rows_per_tile(embeddings, len(probes), tiles.PROBE_BYTES)
  wanted = tiles.Subset(embeddings, probes)
  for start, count, tile in tiles.read(wanted, probe_size):
    placed = sharing.place(tile, mesh)
    for column, gallery in enumerate(galleries):
      if len(gallery):
        found = search.nearest(
          placed,
          tiles.Subset(embeddings, gallery),
          1,
          size=size,
          metric=metric,
          mesh=mesh,
        )
        rows = gallery[found.rows[:count, 0]]
        result[start : start + count, column] = rows
  return result


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
    tiles.rows_per_tile(embeddings, len(probes), tiles.PROBE_BYTES),
    max(1, tiles.PROBE_BYTES // (4 * max(1, len(gallery)))),
  )
  correct = np.zeros(len(probes), bool)
  precision = np.full(len(probes), np.nan)
  wanted = tiles.Subset(embeddings, probes)
  for start, count, tile in tiles.read(wanted, probe_size):
    block = _distances_to_all(embeddings, tile, gallery, metric=metric)
    for place in range(start, start + count):
      probe, row = probes[place], block[place - start]
      same = subjects[gallery] == subjects[probe]
      kept = ~(same & (views[gallery] == views[probe]))
      positive = same[kept][np.argsort(row[kept], kind='stable')]
      correct[place] = positive[:1].any()
      precision[place] = average_precision(positive)
  return correct, precision


def _distances_to_all(
  embeddings: np.ndarray,
  probes: np.ndarray,
  gallery: np.ndarray,
  *,
  metric: str,
) -> np.ndarray:
  """Returns the distances of a probe tile to the gallery, float32 [n,m]."""
  size = tiles.rows_per_tile(embeddings, len(gallery), tiles.GALLERY_BYTES)
  matrix = np.empty((len(probes), len(gallery)), np.float32)
  placed = jax.device_put(probes)
  wanted = tiles.Subset(embeddings, gallery)
  for start, count, tile in tiles.read(wanted, size):
    block = distance.pairwise(placed, tile, metric=metric)
    matrix[:, start : start + count] = np.asarray(block)[:, :count]
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
