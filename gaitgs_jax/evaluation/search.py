"""The k nearest of a gallery that no device, or no machine, holds.

The gallery passes by in tiles, each split over the devices. A device keeps the
k nearest that it has seen, and these are merged in the end, over the devices
and then over the processes: the matrix of all distances is never made, and
what is held does not grow with the gallery.

`Preselection` trades exactness for speed.
"""

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import distance, sharing, tiles
from gaitgs_jax.evaluation.preselection import Preselection
from gaitgs_jax.evaluation.sharing import REPLICATED, SHARDED, Team
from gaitgs_jax.evaluation.tiles import Embeddings


class Found(NamedTuple):
  """The nearest of a gallery for each probe, nearest first.

  Attributes:
    distances: float32 [n,k].
    rows: int [n,k], places in the gallery.
  """

  distances: Any
  rows: Any


class Survey(NamedTuple):
  """The nearest of a gallery for each probe, and how far the farthest is.

  Attributes:
    distances: float32 [n,k], nearest first.
    rows: int [n,k], places in the gallery.
    farthest: float32 [n].
  """

  distances: Any
  rows: Any
  farthest: Any


def search(
  probes: np.ndarray,
  gallery: Embeddings | Sequence[Embeddings],
  k: int,
  *,
  metric: str = 'euclidean',
  preselect: Preselection | None = None,
  candidates: int = 1000,
  devices: Sequence[jax.Device] | None = None,
) -> Found:
  """Finds the k nearest of a gallery for each probe.

  Exact, and of equally near ones the lower row comes first. With `preselect`
  only the best `candidates` by its vectors are compared, each exactly.

  With the devices of several processes, every process calls this with the
  same probes and its own part of the gallery, and all get the same result;
  rows count from the first process's part to the last's.

  Args:
    probes: [n,p,d].
    gallery: [m,p,d], an array (memory-mapped, if large) or whatever else
      `tiles.Embeddings` allows, or a list of such shards.
    k: how many to find.
    metric: 'euclidean' or 'cosine', see `distance`.
    preselect: made from this gallery by `Preselection.fit`.
    candidates: how many of the gallery to compare, with `preselect`.
    devices: those that share the work (default: this process's). Either of
      this process alone, or of all processes: `jax.devices()`.

  Raises:
    UserError: k is not within 1..m, shapes do not fit, the metric is unknown
      or not that of `preselect`, or a distance is not a finite number.
  """
  distance.check_metric(metric)
  team = Team.of(devices)
  own = tiles.joined(gallery)
  sizes = _check(probes, own, k, team)
  first = int(sizes[: team.index].sum())
  found: Found | Survey
  if preselect is None:
    found = _compare(probes, own, k, metric=metric, mesh=team.mesh)
  else:
    preselect.check(own, metric)
    chosen = search(
      preselect.vectors_of(probes, team.mesh),
      preselect.vectors,
      min(max(k, candidates), int(sizes.sum())),
      devices=devices,
    )
    found = _compare_chosen(
      probes, own, chosen.rows - first, k, metric=metric, mesh=team.mesh
    )
  rows = team.gather(found.rows.astype(np.int32)).astype(np.int64)
  rows += (np.cumsum(sizes) - sizes)[:, None, None]
  found = _merge(team.gather(found.distances), rows, k)
  broken = np.argwhere(~np.isfinite(found.distances))
  if len(broken):
    probe, place = broken[0]
    raise UserError(
      f'the distance of probe {probe} to row {found.rows[probe, place]} of '
      'the gallery is not finite: one of the two embeddings holds NaN, '
      'infinity or numbers too large to square; the model that made it has '
      'diverged'
    )
  return found


def _check(
  probes: np.ndarray, gallery: Embeddings, k: int, team: Team
) -> np.ndarray:
  """Returns the size of every process's part, or raises UserError."""
  shapes = tuple(probes.shape), tuple(gallery.shape)
  if len(shapes[0]) != 3 or shapes[0][1:] != shapes[1][1:]:
    raise UserError(
      f'probes {list(shapes[0])} and a gallery {list(shapes[1])} cannot be '
      'compared: both must be embeddings [n,p,d] of the same p and d'
    )
  sizes, *wanted = team.gather(np.array([shapes[1][0], k, *shapes[0]])).T
  if any(np.ptp(each) for each in wanted):
    raise UserError(
      'the processes search with different probes or another k; give all of '
      'them the same'
    )
  if not 1 <= k <= sizes.sum():
    raise UserError(
      f'k = {k}, but the gallery has {sizes.sum()} sequences: choose k '
      'between 1 and that'
    )
  return sizes


def survey(
  probes: Embeddings, gallery: Embeddings, k: int, *, metric: str
) -> Survey:
  """Finds the k nearest and the farthest of a gallery.

  By the devices of this process.

  Args:
    probes: [n,p,d], of which only tiles are read.
    gallery: [m,p,d].
    k: how many to find, at most m.
    metric: 'euclidean' or 'cosine'.
  """
  return _compare(probes, gallery, k, metric=metric, mesh=sharing.local_mesh())


def _compare(
  probes: Embeddings, gallery: Embeddings, k: int, *, metric: str, mesh: Mesh
) -> Survey:
  """Finds the k nearest of this process's gallery, by its rows."""
  n, m = probes.shape[0], gallery.shape[0]
  found = Survey(*_nothing(n, k), np.empty(n, np.float32))
  probe_size = tiles.rows_per_tile(probes, n, tiles.PROBE_BYTES)
  size = sharing.rows_per_device(gallery, m, mesh)
  for start, count, tile in tiles.read(probes, probe_size):
    part = nearest(
      sharing.replicated(tile, mesh),
      gallery,
      k,
      size=size,
      metric=metric,
      mesh=mesh,
    )
    for whole, values in zip(found, part, strict=True):
      whole[start : start + count] = values[:count]
  return found


def _compare_chosen(
  probes: np.ndarray,
  gallery: Embeddings,
  chosen: np.ndarray,
  k: int,
  *,
  metric: str,
  mesh: Mesh,
) -> Found:
  """Finds the k nearest among some of the gallery, one probe at a time.

  Args:
    probes: [n,p,d].
    gallery: [m,p,d], this process's.
    chosen: int [n,c], its rows; others belong to other processes.
    k: how many to find.
    metric: of `distance.METRICS`.
    mesh: of this process's devices.
  """
  found = _nothing(len(chosen), k)
  size = sharing.rows_per_device(gallery, chosen.shape[1], mesh)
  for number, rows in enumerate(chosen):
    # In their order, for equals and for the disk.
    rows = np.sort(rows[(rows >= 0) & (rows < gallery.shape[0])])
    if len(rows):
      part = nearest(
        sharing.replicated(probes[number : number + 1], mesh),
        tiles.Subset(gallery, rows),
        k,
        size=size,
        metric=metric,
        mesh=mesh,
      )
      found.distances[number] = part.distances[0]
      found.rows[number] = rows[part.rows[0]]
  return found


def _nothing(n: int, k: int) -> Found:
  return Found(np.full((n, k), np.inf, np.float32), np.full((n, k), -1))


def nearest(
  probes: jax.Array,
  gallery: Embeddings,
  k: int,
  *,
  size: int,
  metric: str,
  mesh: Mesh,
) -> Survey:
  """Finds the k nearest in one pass over a gallery.

  Args:
    probes: [n,p,d], of `sharing.replicated`.
    gallery: [m,p,d], of which only tiles are read.
    k: how many; what a smaller gallery lacks is row -1 at infinity.
    size: rows that a device takes at a time; compiled once for each.
    metric: 'euclidean' or 'cosine'.
    mesh: of `sharing.local_mesh`.

  Returns:
    Arrays of numpy. A distance that is not a finite number comes as
    minus infinity, before all others.
  """
  each = (mesh.size, len(probes), k)
  best = Survey(
    sharing.sharded(np.full(each, np.inf, np.float32), mesh),
    sharing.sharded(np.full(each, -1, np.int32), mesh),
    sharing.sharded(np.full(each[:2], -np.inf, np.float32), mesh),
  )
  for start, count, tile in tiles.read(gallery, size * mesh.size):
    previous, bounds = best, np.array([start, start + count], np.int32)
    placed = sharing.sharded(tile, mesh)
    best = _nearer(best, probes, placed, bounds, metric=metric, mesh=mesh)
    # One tile computes while the next is read; more would pile up in memory.
    jax.block_until_ready(previous)
  found = _merge(np.asarray(best.distances), np.asarray(best.rows), k)
  return Survey(*found, np.asarray(best.farthest).max(axis=0))


@functools.partial(jax.jit, static_argnames=('metric', 'mesh'))
def _nearer(
  best: Survey,
  probes: jax.Array,
  tile: jax.Array,
  bounds: jax.Array,
  *,
  metric: str,
  mesh: Mesh,
) -> Survey:
  """Updates what each device found, [devices,n,...], by its share of a tile.

  Args:
    best: of the tiles before, hence of lower rows.
    probes: [n,p,d].
    tile: [devices * size,p,d].
    bounds: int32 [2], the tile's first row, and the row after its last.
    metric: 'euclidean' or 'cosine'.
    mesh: see `sharing.local_mesh`.
  """

  def on_device(
    best: Survey, probes: jax.Array, tile: jax.Array, bounds: jax.Array
  ) -> Survey:
    known, known_rows = best.distances[0], best.rows[0]
    matrix = distance.distances(probes, tile, metric=metric)
    first = bounds[0] + jax.lax.axis_index('gallery') * len(tile)
    real = first + jnp.arange(len(tile)) < bounds[1]
    # What cannot be compared goes to the front, where it will be seen.
    matrix = jnp.where(jnp.isfinite(matrix), matrix, -jnp.inf)
    farthest = jnp.where(real[None, :], matrix, -jnp.inf).max(1)
    matrix = jnp.where(real[None, :], matrix, jnp.inf)
    # The first of equals wins, as in a stable ranking.
    k = known.shape[1]
    far, at = jax.lax.top_k(-jnp.concatenate([known, matrix], 1), k)
    old = jnp.take_along_axis(known_rows, jnp.minimum(at, k - 1), 1)
    return Survey(
      -far[None],
      jnp.where(at < k, old, first + at - k)[None],
      jnp.maximum(best.farthest, farthest[None]),
    )

  return jax.shard_map(
    on_device,
    mesh=mesh,
    in_specs=(SHARDED, REPLICATED, SHARDED, REPLICATED),
    out_specs=SHARDED,
    check_vma=False,
  )(best, probes, tile, bounds)


def _merge(distances: np.ndarray, rows: np.ndarray, k: int) -> Found:
  """Merges several findings [several,n,any] into the k nearest [n,k]."""
  distances, rows = np.concatenate(distances, 1), np.concatenate(rows, 1)
  order = np.lexsort((rows, distances))[:, :k]
  return Found(
    np.take_along_axis(distances, order, 1),
    np.take_along_axis(rows, order, 1).astype(np.int64),
  )
