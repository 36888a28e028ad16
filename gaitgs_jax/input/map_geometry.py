"""Changes that move the pixels of maps; see `map_transforms`.

Each takes frames float32 [s,h,w,c]. Labels are looked up, never mixed
(`nearest`). What comes from outside a frame is 0.
"""

import jax
import jax.numpy as jnp

from gaitgs_jax.errors import BadValue

# OpenGait's distances are in pixels of frames of this size.
_HEIGHT, _WIDTH, _MARGIN = 64, 44, 10


def rotation(
  x: jax.Array,
  key: jax.Array,
  nearest: bool,
  *,
  degrees: float = 10.0,
  middle: bool = False,
) -> jax.Array:
  """Turns frames by an angle of up to `degrees`.

  The released code turns about x = h // 2, y = w // 2 (rows and columns change
  places), which is not the middle of a frame that is higher than wide.

  Args:
    x: frames [s,h,w,c].
    key: for the angle.
    nearest: whether they are labels.
    degrees: the largest angle, either way.
    middle: whether to turn about the middle of the frame instead.
  """
  angle = jnp.deg2rad(degrees) * jax.random.uniform(key, minval=-1, maxval=1)
  height, width = x.shape[1:3]
  across, down = float(height // 2), float(width // 2)
  if middle:
    across, down = (width - 1) / 2, (height - 1) / 2
  cos, sin = jnp.cos(angle), jnp.sin(angle)
  column, row = _grid(x)
  column, row = column - across, row - down
  return sample(
    x,
    cos * column - sin * row + across,
    sin * column + cos * row + down,
    nearest,
  )


def perspective(
  x: jax.Array, key: jax.Array, nearest: bool, *, reach: int | None = None
) -> jax.Array:
  """Stretches a trapezium, as high as the frame, over the frame.

  Args:
    x: frames [s,h,w,c].
    key: for the four corners.
    nearest: whether they are labels.
    reach: a corner lies less than so many columns from the frame's edge; None
      is 10 for each 44 columns, as published.
  """
  height, width = x.shape[1:3]
  reach = width // _WIDTH * _MARGIN if reach is None else reach
  if not 2 * reach < width:
    raise BadValue(f'reach={reach} columns cross in a frame of {width}')
  inwards = _whole(key, 4, reach)
  top, bottom = inwards[:2], inwards[2:]
  left = jnp.stack([top[0], bottom[0]])
  # Published: the right corners start at column width - reach.
  right = width - reach + jnp.stack([top[1], bottom[1]])
  # A square's corners to those of a trapezium with a level top and bottom.
  tilt = (left[0] - right[0]) / (left[1] - right[1]) - 1
  column, row = _grid(x)
  u, v = column / width, row / height
  bend = 1 + tilt * v
  across = (right[0] - left[0]) * u + left[0]
  across = across + (left[1] * (1 + tilt) - left[0]) * v
  return sample(x, across / bend, row * (1 + tilt) / bend, nearest)


def affine(
  x: jax.Array, key: jax.Array, nearest: bool, *, reach: int | None = None
) -> jax.Array:
  """Maps three corners, each moved inwards, to three others.

  Args:
    x: frames [s,h,w,c].
    key: for the corners.
    nearest: whether they are labels.
    reach: each moves by less than so many pixels each way; None is 10 for each
      64 rows, as published.
  """
  height, width = x.shape[1:3]
  reach = height // _HEIGHT * _MARGIN if reach is None else reach
  if not 2 * reach < min(height, width):
    raise BadValue(f'reach={reach} pixels cross in a frame {height}x{width}')
  # As published: x runs to the height and y to the width, so that other frames
  # than square ones have a corner outside, or none below.
  corners = jnp.asarray([[0, 0], [height, 0], [0, width]], jnp.float32)
  inwards = jnp.asarray([[1, 1], [-1, 1], [1, -1]], jnp.float32)
  moved = _whole(key, 12, reach).reshape(2, 3, 2)
  old, new = corners[None] + inwards[None] * moved
  a, b = new[1] - new[0], new[2] - new[0]
  column, row = _grid(x)
  column, row = column - new[0, 0], row - new[0, 1]
  # Where a pixel is in the coordinates of the new corners.
  area = a[0] * b[1] - a[1] * b[0]
  first = (column * b[1] - row * b[0]) / area
  second = (row * a[0] - column * a[1]) / area
  a, b = old[1] - old[0], old[2] - old[0]
  return sample(
    x,
    old[0, 0] + first * a[0] + second * b[0],
    old[0, 1] + first * a[1] + second * b[1],
    nearest,
  )


def _whole(key: jax.Array, count: int, below: int) -> jax.Array:
  """Draws whole numbers 0 to below - 1, float32 [count]; 0 if below is 0."""
  return jnp.floor(jax.random.uniform(key, (count,)) * below)


def _grid(x: jax.Array) -> tuple[jax.Array, jax.Array]:
  """Returns the column and the row of each pixel, float32 [h,w]."""
  height, width = x.shape[1:3]
  column, row = jnp.meshgrid(
    jnp.arange(width, dtype=jnp.float32), jnp.arange(height, dtype=jnp.float32)
  )
  return column, row


def sample(
  x: jax.Array, column: jax.Array, row: jax.Array, nearest: bool
) -> jax.Array:
  """Looks frames [s,h,w,c] up at other places, float [h',w'].

  Args:
    x: the frames.
    column: of each pixel of the result, in pixels of `x`.
    row: of each pixel of the result.
    nearest: whether to take the nearest pixel; otherwise linear.
  """
  frames, height, width, channels = x.shape
  # All frames and channels are looked up at the same places: one row each.
  flat = x.transpose(1, 2, 0, 3).reshape(height * width, -1)

  def at(down: jax.Array, across: jax.Array) -> jax.Array:
    inside = (down >= 0) & (down < height) & (across >= 0) & (across < width)
    down = jnp.clip(down, 0, height - 1).astype(jnp.int32)
    across = jnp.clip(across, 0, width - 1).astype(jnp.int32)
    return jnp.where(inside[..., None], flat[down * width + across], 0)

  if nearest:
    found = at(jnp.floor(row + 0.5), jnp.floor(column + 0.5))
  else:
    top, left = jnp.floor(row), jnp.floor(column)
    low, side = (row - top)[..., None], (column - left)[..., None]
    found = (1 - low) * (1 - side) * at(top, left)
    found += (1 - low) * side * at(top, left + 1)
    found += low * (1 - side) * at(top + 1, left)
    found += low * side * at(top + 1, left + 1)
  return found.reshape(*column.shape, frames, channels).transpose(2, 0, 1, 3)
