"""Distances between embeddings, part by part and tile by tile.

An embedding has p parts of d features. Two embeddings are as far apart as
their parts are on average: the mean over parts of the Euclidean distance (not
the norm of the concatenation), or one minus the mean over parts of the cosine.
That is what the published evaluators of GaitSet, OpenGait and GaitGS compute.
"""

import functools
import math
from collections.abc import Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gaitgs_jax.errors import UserError

METRICS = ('euclidean', 'cosine')

# A tile's embeddings, in bytes. Probes are kept for a whole pass over the
# gallery, so larger probe tiles mean fewer passes; both are held twice (as
# read, and parts first), which leaves the peak well under a gigabyte.
PROBE_TILE_BYTES = 2**28
GALLERY_TILE_BYTES = 2**26


class Parts(NamedTuple):
  """Embeddings made ready for `distances`.

  Attributes:
    vectors: float32 [p,n,d], of length 1 for the cosine metric.
    squares: float32 [p,n], the squared length of each vector.
  """

  vectors: jax.Array
  squares: jax.Array


def check_metric(metric: str) -> None:
  """Raises `UserError` unless the metric is one of `METRICS`."""
  if metric not in METRICS:
    raise UserError(
      f'unknown metric {metric!r}; choose one of {", ".join(METRICS)}'
    )


@functools.partial(jax.jit, static_argnames='metric')
def prepare(embeddings: jax.Array, *, metric: str) -> Parts:
  """Maps embeddings [n,p,d] to `Parts`, parts first."""
  vectors = jnp.swapaxes(embeddings.astype(jnp.float32), 0, 1)
  squares = jnp.sum(jnp.square(vectors), -1)
  if metric == 'cosine':
    # A vector of zeros has no direction: it stays zero, at distance 1 of all.
    scale = jnp.where(squares > 0, jax.lax.rsqrt(squares), 0.0)
    vectors = vectors * scale[..., None]
  return Parts(vectors, squares)


def distances(x: Parts, y: Parts, *, metric: str) -> jax.Array:
  """Returns the distance of every x to every y, float32 [n,m].

  One part at a time, so that nothing larger than [n,m] is ever held.
  """

  def add_part(total: jax.Array, parts: tuple[Parts, Parts]) -> tuple:
    (a, a_squares), (b, b_squares) = parts
    # Half precision would bias genuine distances by 1 to 3 %.
    products = jnp.dot(a, b.T, precision=jax.lax.Precision.HIGHEST)
    if metric == 'cosine':
      return total + products, None
    squares = a_squares[:, None] + b_squares[None, :] - 2 * products
    return total + jnp.sqrt(jnp.maximum(squares, 0)), None

  parts, n, _ = x.vectors.shape
  total = jnp.zeros((n, y.vectors.shape[1]), jnp.float32)
  total, _ = jax.lax.scan(add_part, total, (x, y))
  mean = total / parts
  return 1 - mean if metric == 'cosine' else mean


@functools.partial(jax.jit, static_argnames='metric')
def pairwise(
  x: jax.Array, y: jax.Array, *, metric: str = 'euclidean'
) -> jax.Array:
  """Returns the distance matrix [n,m] of embeddings [n,p,d] and [m,p,d].

  For sets that fit on the device whole; see `ranking` for larger ones.
  """
  return distances(
    prepare(x, metric=metric), prepare(y, metric=metric), metric=metric
  )


def tile_rows(embeddings: np.ndarray, rows: int, tile_bytes: int) -> int:
  """Returns how many of `rows` embeddings one tile takes, at least one."""
  _, parts, features = embeddings.shape
  fitting = max(1, tile_bytes // (4 * parts * features))
  return max(1, math.ceil(rows / math.ceil(rows / fitting))) if rows else 1


def tiles(
  embeddings: np.ndarray, rows: np.ndarray, size: int, *, metric: str
) -> Iterator[tuple[np.ndarray, Parts]]:
  """Yields (rows of the tile, its `Parts` of exactly `size` embeddings).

  Only a tile's rows are read, so the embeddings may be memory-mapped. The last
  tile is filled up with zeros: one shape, one compilation.
  """
  _, parts, features = embeddings.shape
  for start in range(0, len(rows), size):
    chosen = rows[start : start + size]
    tile = np.zeros((size, parts, features), np.float32)
    tile[: len(chosen)] = embeddings[chosen]
    yield chosen, prepare(jnp.asarray(tile), metric=metric)
