"""Who is nearest: rankings of galleries, and k-reciprocal re-ranking."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jax
import numpy as np

from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import (
  distance,
  metrics,
  reranking,
  search,
  sharing,
  tiles,
)

# The least that a distance is divided by.
_LEAST = np.float32(1e-30)
# Items whose ranks are counted one by one.
_FEW = 64


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
    placed = sharing.replicated(tile, mesh)
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
      found = ranks_of(row, np.flatnonzero(right))
      if len(found):
        ranks.first[place] = found[0]
        ranks.precision[place] = metrics.average_precision(found)
        ranks.penalty[place] = len(found) / found[-1]
  return ranks


def ranks_of(distances: np.ndarray, places: np.ndarray) -> np.ndarray:
  """Returns at which ranks of a stable ranking some items are.

  Args:
    distances: [m], finite.
    places: int [k], of the items.

  Returns:
    int [k], from 1, ascending.
  """
  if len(places) > _FEW:
    ranked = np.argsort(distances, kind='stable')
    return np.flatnonzero(np.isin(ranked, places)) + 1
  # Counting is ten times as fast as sorting a large gallery.
  return np.array(
    sorted(
      1
      + np.count_nonzero(distances < distances[place])
      + np.count_nonzero(distances[:place] == distances[place])
      for place in places
    ),
    int,
  )


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


class Reranking:
  """Distances of probes to a gallery, as `rerank` gives them, in tiles.

  Nothing of all to all is held. Making it is one pass over all sequences, which
  finds the nearest and the farthest of each; `blocks` may then be asked for
  several times.

  Args:
    embeddings: [N,p,d], of which only tiles are read.
    probes: int [n], rows of the embeddings.
    gallery: int [m], rows of the embeddings.
    metric: 'euclidean' or 'cosine'.
    k1: see `rerank`, as k2 and weight.
    k2: see above.
    weight: see above.

  Raises:
    UserError: a number is out of range.
  """

  def __init__(
    self,
    embeddings: np.ndarray,
    probes: np.ndarray,
    gallery: np.ndarray,
    *,
    metric: str,
    k1: int = 6,
    k2: int = 6,
    weight: float = 0.3,
  ):
    reranking.check(k1, k2, weight)
    every = tiles.Subset(embeddings, np.concatenate([probes, gallery]))
    count = min(reranking.wanted(k1, k2), every.shape[0])
    seen = search.survey(every, every, count, metric=metric)
    scale = np.maximum(seen.farthest, _LEAST)

    def scaled(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
      return _pairs(every, rows, others, metric=metric) / scale[rows]

    weights = reranking.encode(seen.rows, scaled, k1, k2)
    places = np.arange(len(probes), every.shape[0])
    self._jaccard = reranking.Jaccard(weights, places)
    self._given, self._metric = (embeddings, probes, gallery), metric
    self._scale, self._weight = scale, weight

  def blocks(self) -> Iterator[tuple[int, np.ndarray]]:
    """Yields (first probe, float32 [some, m]), as `distance_blocks` does."""
    for start, block in distance_blocks(*self._given, metric=self._metric):
      some = np.arange(start, start + len(block))
      # In place: a block is as large as a tile may be.
      block /= self._scale[some, None]
      block *= self._weight
      shared = self._jaccard(some)
      shared *= 1 - self._weight
      shared += block
      yield start, shared


def _pairs(
  embeddings: tiles.Embeddings,
  rows: np.ndarray,
  others: np.ndarray,
  *,
  metric: str,
) -> np.ndarray:
  """Returns the distances of rows int [n] to others int [n], float32 [n]."""
  size = tiles.rows_per_tile(embeddings, len(rows), tiles.GALLERY_BYTES)
  read = (
    tiles.read(tiles.Subset(embeddings, each), size) for each in (rows, others)
  )
  found = [
    np.asarray(distance.of_pairs(x, y, metric=metric))[:count]
    for (_, count, x), (_, _, y) in zip(*read, strict=True)
  ]
  return np.concatenate(found)


def rerank(
  distances: np.ndarray,
  probes: int,
  k1: int = 6,
  k2: int = 6,
  weight: float = 0.3,
) -> np.ndarray:
  """Returns distances of probes to a gallery that take neighbours into account.

  Two sequences are near if they share their neighbours; see `reranking`.

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
  _check_rerank(distances, probes)
  reranking.check(k1, k2, weight)
  scale = np.maximum(distances.max(axis=1, keepdims=True), _LEAST)
  distances = (distances / scale).astype(np.float32)
  near = np.argsort(distances, axis=1, kind='stable')
  weights = reranking.encode(
    near[:, : reranking.wanted(k1, k2)],
    lambda rows, others: distances[rows, others],
    k1,
    k2,
  )
  jaccard = reranking.Jaccard(weights, np.arange(probes, len(distances)))
  given = distances[:probes, probes:]
  return (1 - weight) * jaccard(np.arange(probes)) + weight * given


def _check_rerank(distances: np.ndarray, probes: int) -> None:
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
