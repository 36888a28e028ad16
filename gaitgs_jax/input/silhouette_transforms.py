"""Changes of one sequence of silhouettes, on the device.

Each takes frames float32 [s,h,w] in 0..1 and a key. What is drawn is drawn
once for the whole sequence.
"""

import functools

import jax
import jax.numpy as jnp

# The erased share of a frame, and its height by its width, as OpenGait's
# defaults (its RandomErasing; the paper's are 0.02 to 0.4, and 0.3 to 1 / 0.3).
ERASED_AREA = (0.05, 0.2)
ERASED_ASPECT = (0.3, 1 / 0.3)


def flip(frames: jax.Array, key: jax.Array) -> jax.Array:
  """Mirrors frames [s,h,w] left to right.

  A walk seen from 054 then looks like one from 126, so that its view class is
  no longer true: not for a model that learns views.
  """
  del key
  return frames[..., ::-1]


def rotate(
  frames: jax.Array, key: jax.Array, *, degrees: float = 10.0
) -> jax.Array:
  """Turns frames [s,h,w] about their middle by an angle of up to `degrees`.

  OpenGait's centre is (h // 2, w // 2), taken as (x, y).

  Args:
    frames: of one walk.
    key: for the angle.
    degrees: the largest angle, either way; OpenGait's default is 10.
  """
  angle = jnp.deg2rad(degrees) * jax.random.uniform(key, minval=-1, maxval=1)
  cos, sin = jnp.cos(angle), jnp.sin(angle)
  height, width = frames.shape[-2:]
  centre = jnp.asarray([height - 1, width - 1], jnp.float32) / 2
  grid = [jnp.arange(size, dtype=jnp.float32) for size in (height, width)]
  y, x = jnp.meshgrid(*grid, indexing='ij')
  y, x = y - centre[0], x - centre[1]
  places = [cos * y - sin * x + centre[0], sin * y + cos * x + centre[1]]
  turn = functools.partial(
    jax.scipy.ndimage.map_coordinates, coordinates=places, order=1
  )
  return jax.vmap(turn)(frames)


def erase(frames: jax.Array, key: jax.Array) -> jax.Array:
  """Blanks one rectangle of frames [s,h,w], the same in all of them.

  Random erasing, https://arxiv.org/abs/1708.04896.
  """
  height, width = frames.shape[-2:]
  keys = jax.random.split(key, 4)
  area = jax.random.uniform(
    keys[0], minval=ERASED_AREA[0], maxval=ERASED_AREA[1]
  )
  aspect = jax.random.uniform(
    keys[1], minval=ERASED_ASPECT[0], maxval=ERASED_ASPECT[1]
  )
  pixels = area * height * width
  y = _inside(jnp.sqrt(pixels * aspect), height, keys[2])
  x = _inside(jnp.sqrt(pixels / aspect), width, keys[3])
  return jnp.where(y[:, None] & x[None, :], 0, frames)


def _inside(extent: jax.Array, size: int, key: jax.Array) -> jax.Array:
  """Returns bool [size], True along a random interval of that extent."""
  extent = jnp.clip(jnp.round(extent), 1, size)
  start = jnp.floor(jax.random.uniform(key) * (size - extent + 1))
  places = jnp.arange(size, dtype=jnp.float32)
  return (places >= start) & (places < start + extent)


def shift(
  frames: jax.Array, key: jax.Array, *, share: float = 0.05
) -> jax.Array:
  """Moves frames [s,h,w] by up to a share of their size, zeros moving in.

  Not of a published recipe.

  Args:
    frames: of one walk.
    key: for the distances.
    share: of the height and the width, at most, each way.
  """
  height, width = frames.shape[-2:]
  reach = (round(share * height), round(share * width))
  padded = jnp.pad(frames, ((0, 0), *((r, r) for r in reach)))
  start = [
    jax.random.randint(k, (), 0, 2 * r + 1)
    for k, r in zip(jax.random.split(key), reach, strict=True)
  ]
  return jax.lax.dynamic_slice(padded, (0, *start), frames.shape)


TRANSFORMS = {'flip': flip, 'rotate': rotate, 'erase': erase, 'shift': shift}
