"""Distances between embeddings, part by part.

An embedding has p parts of d features. Two embeddings are as far apart as
their parts are on average: the mean over parts of the Euclidean distance (not
the norm of the concatenation), or one minus the mean over parts of the cosine.
That is what the published evaluators of GaitSet, OpenGait and GaitGS compute.
"""

import functools

import jax
import jax.numpy as jnp

from gaitgs_jax.errors import wrong_choice

METRICS = ('euclidean', 'cosine')


def check_metric(metric: str) -> None:
  """Raises `UserError` unless the metric is one of `METRICS`."""
  if metric not in METRICS:
    raise wrong_choice(f'unknown metric {metric!r}', metric, METRICS)


def distances(x: jax.Array, y: jax.Array, *, metric: str) -> jax.Array:
  """Returns the distance of every x to every y, float32 [n,m].

  One part at a time, so that nothing larger than [n,m] is ever made.

  Args:
    x: [n,p,d].
    y: [m,p,d].
    metric: 'euclidean' or 'cosine'.
  """

  def add_part(total: jax.Array, part: jax.Array) -> tuple[jax.Array, None]:
    # Taken out one by one: transposing all of them at once costs more than
    # comparing a gallery with a few probes.
    a, b = (
      jax.lax.dynamic_index_in_dim(z, part, 1, keepdims=False) for z in (x, y)
    )
    a, b = a.astype(jnp.float32), b.astype(jnp.float32)
    a_squares, b_squares = jnp.sum(a * a, -1), jnp.sum(b * b, -1)
    # Half precision would bias genuine distances by 1 to 3 %.
    products = jnp.dot(a, b.T, precision=jax.lax.Precision.HIGHEST)
    if metric == 'cosine':
      a_scale, b_scale = map(inverse_length, (a_squares, b_squares))
      return total + products * a_scale[:, None] * b_scale[None, :], None
    squares = a_squares[:, None] + b_squares[None, :] - 2 * products
    return total + jnp.sqrt(jnp.maximum(squares, 0)), None

  parts = x.shape[1]
  zeros = jnp.zeros((len(x), len(y)), jnp.float32)
  total, _ = jax.lax.scan(add_part, zeros, jnp.arange(parts))
  mean = total / parts
  return 1 - mean if metric == 'cosine' else mean


def inverse_length(squares: jax.Array) -> jax.Array:
  """Returns the inverse root of squared lengths, 0 where there is no length.

  A vector of zeros has no direction: it is at cosine distance 1 of all.
  """
  return jnp.where(squares > 0, jax.lax.rsqrt(squares), 0.0)


@functools.partial(jax.jit, static_argnames='metric')
def pairwise(
  x: jax.Array, y: jax.Array, *, metric: str = 'euclidean'
) -> jax.Array:
  """Returns the distance matrix [n,m] of embeddings [n,p,d] and [m,p,d].

  For sets that fit on the device whole; see `search` for larger ones. Float16
  is for devices that can convert it: a CPU without F16C cannot.
  """
  return distances(x, y, metric=metric)


@functools.partial(jax.jit, static_argnames='metric')
def of_pairs(x: jax.Array, y: jax.Array, *, metric: str) -> jax.Array:
  """Returns the distance of each x to its own y, both [n,p,d], float32 [n]."""
  x, y = x.astype(jnp.float32), y.astype(jnp.float32)
  if metric == 'cosine':
    lengths = [inverse_length(jnp.sum(z * z, -1)) for z in (x, y)]
    return 1 - jnp.mean(jnp.sum(x * y, -1) * lengths[0] * lengths[1], -1)
  return jnp.mean(jnp.sqrt(jnp.sum((x - y) ** 2, -1)), -1)
