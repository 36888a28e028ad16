"""Distances between embeddings, part by part and tile by tile.

An embedding has p parts of d features. Two embeddings are as far apart as
their parts are on average: the mean over parts of the Euclidean distance (not
the norm of the concatenation), or one minus the mean over parts of the cosine.
That is what the published evaluators of GaitSet, OpenGait and GaitGS compute.
"""

import functools
import math
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

from gaitgs_jax.errors import UserError

METRICS = ('euclidean', 'cosine')

# A tile's embeddings, in bytes. Probes stay for a whole pass over the gallery,
# so larger probe tiles mean fewer passes. A tile is held up to three times
# while it is read, which keeps the peak near a gigabyte.
PROBE_TILE_BYTES = 2**28
GALLERY_TILE_BYTES = 2**26


def check_metric(metric: str) -> None:
  """Raises `UserError` unless the metric is one of `METRICS`."""
  if metric not in METRICS:
    raise UserError(
      f'unknown metric {metric!r}; choose one of {", ".join(METRICS)}'
    )


def distances(x: jax.Array, y: jax.Array, *, metric: str) -> jax.Array:
  """Returns the distance of every x to every y, float32 [n,m].

  One part at a time, so that nothing larger than [n,m] is ever made.

  Args:
    x: [p,n,d], parts first.
    y: [p,m,d].
    metric: 'euclidean' or 'cosine'.
  """

  def add_part(total: jax.Array, parts: tuple) -> tuple[jax.Array, None]:
    a, b = (part.astype(jnp.float32) for part in parts)
    a_squares, b_squares = jnp.sum(a * a, -1), jnp.sum(b * b, -1)
    # Half precision would bias genuine distances by 1 to 3 %.
    products = jnp.dot(a, b.T, precision=jax.lax.Precision.HIGHEST)
    if metric == 'cosine':
      a_scale, b_scale = map(_inverse_length, (a_squares, b_squares))
      return total + products * a_scale[:, None] * b_scale[None, :], None
    squares = a_squares[:, None] + b_squares[None, :] - 2 * products
    return total + jnp.sqrt(jnp.maximum(squares, 0)), None

  parts, n, _ = x.shape
  zeros = jnp.zeros((n, y.shape[1]), jnp.float32)
  total, _ = jax.lax.scan(add_part, zeros, (x, y))
  mean = total / parts
  return 1 - mean if metric == 'cosine' else mean


def _inverse_length(squares: jax.Array) -> jax.Array:
  # A vector of zeros has no direction: it is at distance 1 of all.
  return jnp.where(squares > 0, jax.lax.rsqrt(squares), 0.0)


@functools.partial(jax.jit, static_argnames='metric')
def pairwise(
  x: jax.Array, y: jax.Array, *, metric: str = 'euclidean'
) -> jax.Array:
  """Returns the distance matrix [n,m] of embeddings [n,p,d] and [m,p,d].

  For sets that fit on the device whole; see `ranking` for larger ones.
  """
  x, y = jnp.swapaxes(x, 0, 1), jnp.swapaxes(y, 0, 1)
  return distances(x, y, metric=metric)


def tile_rows(embeddings: np.ndarray, rows: int, tile_bytes: int) -> int:
  """Returns how many of `rows` embeddings one tile takes, at least one."""
  _, parts, features = embeddings.shape
  fitting = max(1, tile_bytes // (4 * parts * features))
  return max(1, math.ceil(rows / math.ceil(rows / fitting))) if rows else 1


def tiles(
  embeddings: np.ndarray, rows: np.ndarray, size: int
) -> Iterator[tuple[np.ndarray, jax.Array]]:
  """Yields (rows of the tile, their embeddings float32 [p,size,d]).

  Only a tile's rows are read, so the embeddings may be memory-mapped. The last
  tile is filled up with zeros: one shape, one compilation.
  """
  _, parts, features = embeddings.shape
  for start in range(0, len(rows), size):
    chosen = rows[start : start + size]
    tile = np.zeros((parts, size, features), np.float32)
    tile[:, : len(chosen)] = embeddings[chosen].swapaxes(0, 1)
    yield chosen, jax.device_put(tile)
