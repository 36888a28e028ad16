"""Changes of one sequence of point clouds, on the device.

Each takes points float32 [s,m,c] whose first three channels are x, y and z; the
others stay as they are. The seven of LidarGait++ (CVPR 2025) in OpenGait's
released code. In its order, with the names here: heights, unit_sphere,
horizontal_flip, point_shift, point_jitter, point_scale, point_dropout.
"""

import jax
import jax.numpy as jnp

from gaitgs_jax.fields import Share
from gaitgs_jax.input.transform import Entry


def heights(x: jax.Array) -> jax.Array:
  """Appends each point's height above the lowest one of its frame.

  Put it first: the others leave this channel as it is, in metres.
  """
  z = x[..., 2:3]
  return jnp.concatenate([x, z - z.min(axis=1, keepdims=True)], axis=-1)


def unit_sphere(x: jax.Array) -> jax.Array:
  """Moves each frame's mean to 0 and its farthest point to distance 1."""
  places = x[..., :3] - x[..., :3].mean(axis=1, keepdims=True)
  farthest = jnp.linalg.norm(places, axis=-1).max(axis=1)[:, None, None]
  return _moved(x, places / jnp.where(farthest > 0, farthest, 1))


def horizontal_flip(x: jax.Array) -> jax.Array:
  """Mirrors frames left to right: y becomes -y."""
  return x.at[..., 1].multiply(-1)


def point_shift(
  x: jax.Array, key: jax.Array, *, reach: float = 0.1
) -> jax.Array:
  """Moves every point separately by up to `reach` along each axis.

  Args:
    x: points [s,m,c].
    key: for the distances.
    reach: the largest distance.
  """
  shape = x[..., :3].shape
  moves = jax.random.uniform(key, shape, minval=-reach, maxval=reach)
  return _moved(x, x[..., :3] + moves)


def point_jitter(
  x: jax.Array, key: jax.Array, *, scale: float = 0.01, clip: float = 0.05
) -> jax.Array:
  """Moves every point by Gaussian noise.

  Args:
    x: points [s,m,c].
    key: for the noise.
    scale: its standard deviation.
    clip: its largest amount along each axis.
  """
  noise = scale * jax.random.normal(key, x[..., :3].shape)
  return _moved(x, x[..., :3] + jnp.clip(noise, -clip, clip))


def point_scale(
  x: jax.Array, key: jax.Array, *, factor: tuple[float, float] = (0.8, 1.25)
) -> jax.Array:
  """Makes each frame larger or smaller, by a factor of its own.

  Args:
    x: points [s,m,c].
    key: for the factors.
    factor: the least and the largest.
  """
  low, high = factor
  factors = low + (high - low) * jax.random.uniform(key, (len(x), 1, 1))
  return _moved(x, x[..., :3] * factors)


def point_dropout(
  x: jax.Array, key: jax.Array, *, largest: Share = 0.875
) -> jax.Array:
  """Puts some of each frame's points where its first point is.

  Args:
    x: points [s,m,c].
    key: for the points.
    largest: the largest share of a frame's points; each frame has a share of
      its own, from 0 up.
  """
  share, each = jax.random.split(key)
  shares = largest * jax.random.uniform(share, (len(x), 1))
  dropped = jax.random.uniform(each, x.shape[:2]) <= shares
  return _moved(x, jnp.where(dropped[..., None], x[:, :1, :3], x[..., :3]))


def _moved(x: jax.Array, places: jax.Array) -> jax.Array:
  return x.at[..., :3].set(places)


POINTS = {
  'heights': Entry(heights, None),
  'unit_sphere': Entry(unit_sphere),
  'horizontal_flip': Entry(horizontal_flip, 0.5),
  'point_shift': Entry(point_shift, 0.2),
  'point_jitter': Entry(point_jitter, 0.2),
  'point_scale': Entry(point_scale, 0.2),
  'point_dropout': Entry(point_dropout, 0.2),
}
