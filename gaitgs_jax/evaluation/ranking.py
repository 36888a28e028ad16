"""Who is nearest: rankings of galleries, and k-reciprocal re-ranking."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jax
import numpy as np

from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import distance, metrics, search, sharing, tiles


def nearest_rows(
  embeddings: np.ndarray,
  probes: np.ndarray,
  galleries: Sequence[np.ndarray],
  k: int = 1,
  *,
  metric: str,
) -> np.ndarray:
  """Finds each probe's nearest items in each of several galleries.

  The distance matrix is never held: gallery tiles pass by, and only the
  nearest items are remembered.

  Args:
    embeddings: [N,p,d], of which only tiles are read.
    probes: int [n], rows of the embeddings.
    galleries: one int array of rows per gallery; an empty one is allowed.
    k: how many to find.
    metric: 'euclidean' or 'cosine'.

  Returns:
    int [n, number of galleries, k], rows of the embeddings, the nearest first;
    -1 beyond the gallery's size. Of equally near items the first in its
    gallery's order comes first.
  """
  result = np.full((len(probes), len(galleries), k), -1, np.int64)
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
          k,
          size=size,
          metric=metric,
          mesh=mesh,
        ).rows[:count]
        rows = np.where(found >= 0, gallery[found], -1)
        result[start : start + count, column] = rows
  return result


class Ranks(NamedTuple):
  """What the rankings of n probes give.

  Attributes:
    first: int [n], rank of the first right item, from 1; 0 without any.
    precision: float [n], average precision; NaN without a right item.
    penalty: float [n], how many are right, divided by the rank of the last of
      them (inverse negative penalty); NaN without a right item.
  """

  first: np.ndarray
  precision: np.ndarray
  penalty: np.ndarray


def rank_all(
  blocks: Iterator[tuple[int, np.ndarray]],
  probes: np.ndarray,
  gallery: np.ndarray,
  subjects: np.ndarray,
  same: np.ndarray | None = None,
) -> Ranks:
  """Ranks one gallery for each probe.

  Args:
    blocks: distances to the gallery, as `distance_blocks` gives them.
    probes: int [n], rows.
    gallery: int [m], rows.
    subjects: int [N].
    same: int [N]; gallery items with the probe's own number are dropped.
  """
  ranks = Ranks(
    np.zeros(len(probes), int),
    np.full(len(probes), np.nan),
    np.full(len(probes), np.nan),
  )
  for start, block in blocks:
    for place, row in enumerate(block, start):
      probe = probes[place]
      right = subjects[gallery] == subjects[probe]
      if same is not None:
        kept = same[gallery] != same[probe]
        row, right = row[kept], right[kept]
      positive = right[np.argsort(row, kind='stable')]
      found = np.flatnonzero(positive) + 1
      if len(found):
        ranks.first[place] = found[0]
        ranks.precision[place] = metrics.average_precision(positive)
        ranks.penalty[place] = len(found) / found[-1]
  return ranks


def distance_blocks(
  embeddings: np.ndarray,
  probes: np.ndarray,
  gallery: np.ndarray,
  *,
  metric: str,
) -> Iterator[tuple[int, np.ndarray]]:
  """Yields (first probe, float32 [some, m]): distances to a whole gallery.

  Args:
    embeddings: [N,p,d].
    probes: int [n], rows of the embeddings.
    gallery: int [m], rows of the embeddings.
    metric: 'euclidean' or 'cosine'.
  """
  # A tile keeps its distances to the whole gallery: bounded by both sizes.
  probe_size = min(
    tiles.rows_per_tile(embeddings, len(probes), tiles.PROBE_BYTES),
    max(1, tiles.PROBE_BYTES // (4 * max(1, len(gallery)))),
  )
  wanted = tiles.Subset(embeddings, probes)
  for start, count, tile in tiles.read(wanted, probe_size):
    block = _distances_to_all(embeddings, tile, gallery, metric=metric)
    yield start, block[:count]


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


def distance_matrix(
  embeddings: np.ndarray, rows: np.ndarray, *, metric: str
) -> np.ndarray:
  """Returns the distances of some rows to one another, float32 [n,n]."""
  blocks = distance_blocks(embeddings, rows, rows, metric=metric)
  return np.concatenate([block for _, block in blocks])


def rerank(
  distances: np.ndarray,
  probes: int,
  k1: int = 6,
  k2: int = 6,
  weight: float = 0.3,
) -> np.ndarray:
  """Returns distances of probes to a gallery that take neighbours into account.

  k-reciprocal encoding: Zhong et al., "Re-ranking person re-identification with
  k-reciprocal encoding", CVPR 2017, as OpenGait counts it for HID (distances
  are not squared). Two sequences are near if they share their neighbours.

  Args:
    distances: [N,N], of all to all, probes first, the gallery after them.
    probes: how many are probes.
    k1: neighbours that may be reciprocal.
    k2: nearest, itself among them, whose neighbours a sequence shares.
    weight: of the distances given, against those of the neighbours.

  Returns:
    float32 [probes, N - probes].

  Raises:
    UserError: distances are not a finite square, or a number is out of range.
  """
  distances = np.asarray(distances)
  _check_rerank(distances, probes, k1, k2, weight)
  # By the farthest of each, which all are divided by.
  scale = np.maximum(distances.max(axis=1, keepdims=True), np.float32(1e-30))
  distances = (distances / scale).astype(np.float32)
  order = _nearest_first(distances, max(k1 + 1, k2))
  weights = _neighbours(distances, order, k1)
  if k2 > 1:
    weights = np.stack([weights[near[:k2]].mean(axis=0) for near in order])
  result = np.empty((probes, len(distances) - probes), np.float32)
  gallery = weights[probes:]
  for probe in range(probes):
    there = np.flatnonzero(weights[probe])
    shared = np.minimum(weights[probe, there], gallery[:, there]).sum(axis=1)
    # Each row of weights sums to 1.
    result[probe] = 1 - shared / (2 - shared)
  return (1 - weight) * result + weight * distances[:probes, probes:]


def _check_rerank(
  distances: np.ndarray, probes: int, k1: int, k2: int, weight: float
) -> None:
  if distances.ndim != 2 or len(set(distances.shape)) != 1:
    raise UserError(
      f'distances have shape {distances.shape}; expected [N,N], probes and '
      'gallery to one another'
    )
  if not np.isfinite(distances).all():
    raise UserError('distances to re-rank hold NaN or infinity')
  if not 0 <= probes <= len(distances):
    raise UserError(
      f'{probes} probes among {len(distances)} sequences; give their number'
    )
  if k1 < 1 or k2 < 1 or not 0 <= weight <= 1:
    raise UserError(
      f're-ranking got k1={k1}, k2={k2}, weight={weight}; k1 and k2 must be at '
      'least 1, and the weight within 0..1'
    )


def _nearest_first(distances: np.ndarray, count: int) -> np.ndarray:
  """Returns the places of the nearest in each row, int [N, count]."""
  return np.argsort(distances, axis=1, kind='stable')[:, :count]


def _neighbours(
  distances: np.ndarray, order: np.ndarray, k1: int
) -> np.ndarray:
  """Returns how much each is a k-reciprocal neighbour, float32 [N,N].

  Args:
    distances: [N,N].
    order: int [N, at least k1 + 1], the nearest first.
    k1: how many may be reciprocal.
  """

  def reciprocal(one: int, k: int) -> np.ndarray:
    near = order[one, : k + 1]
    return near[(order[near, : k + 1] == one).any(axis=1)]

  weights = np.zeros(distances.shape, np.float32)
  # Half of an odd k1 is rounded to even, as published.
  half = round(k1 / 2)
  wider = [reciprocal(one, half) for one in range(len(distances))]
  for one, row in enumerate(distances):
    near = reciprocal(one, k1)
    added = [
      wider[other]
      for other in near
      if np.isin(wider[other], near).sum() > 2 / 3 * len(wider[other])
    ]
    near = np.unique(np.concatenate([near, *added]))
    likeness = np.exp(-row[near])
    weights[one, near] = likeness / likeness.sum()
  return weights
