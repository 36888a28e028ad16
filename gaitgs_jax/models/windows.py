"""Windows of space and time, within which the Video Swin Transformer attends.

Liu et al., https://arxiv.org/abs/2106.13230.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from gaitgs_jax.errors import BadValue

Window = tuple[int, int, int]


def check(size: Sequence[int], window: Sequence[int]) -> None:
  """Raises ValueError unless windows divide frames of a size."""
  fits = (len(window), len(size)) == (3, 2) and not any(
    length % part for length, part in zip(size, window[1:], strict=True)
  )
  if not fits:
    raise BadValue(
      f'window {tuple(window)} is frames, rows and columns; it must divide '
      f'the rows and columns of tokens, grid {tuple(size)}'
    )


def place_index(window: Window) -> np.ndarray:
  """Returns for two tokens of a window [k,k] the index of their offset."""
  places = np.indices(window).reshape(3, -1)
  offset = places[:, :, None] - places[:, None]
  sizes = np.array(window)[:, None, None]
  return np.ravel_multi_index(
    tuple(offset + sizes - 1), tuple(2 * size - 1 for size in window)
  )


def placed(
  x: jax.Array, length: jax.Array, window: int, shift: int
) -> tuple[jax.Array, jax.Array]:
  """Places frames so that windows in time begin at multiples of their size.

  As released, a sequence longer than a window is filled up with zeros to a
  multiple of it, which are attended to; a shorter one is a window of its own,
  and is not shifted. Released windows are shifted around the ends of time, and
  the two ends do not see one another; here they are windows of their own.

  Args:
    x: [n,s,h,w,c], zeros behind the valid frames.
    length: [n], how many these are.
    window: its size in time.
    shift: of the windows.

  Returns:
    The frames [n,s',h,w,c], and bool [n,s'] which are there.
  """
  s = x.shape[1]
  size = (-(-s // window) + bool(shift)) * window

  def after(blank: int) -> jax.Array:
    spare = (blank, size - s - blank)
    return jnp.pad(x, ((0, 0), spare, (0, 0), (0, 0), (0, 0)))

  is_long = length > window
  filled = jnp.where(is_long, -(-length // window) * window, length)
  place = jnp.arange(size, dtype=jnp.int32)[None]
  if not shift:
    return after(0), place < filled[:, None]
  lead = window - shift
  place = place - jnp.where(is_long, lead, window)[:, None]
  x = jnp.where(_over(is_long, x), after(lead), after(window))
  return x, (place >= 0) & (place < filled[:, None])


def taken_back(
  x: jax.Array, length: jax.Array, window: int, shift: int
) -> jax.Array:
  """Undoes `placed`, but for the zeros at the end."""
  if not shift:
    return x
  end = x.shape[1] - shift
  is_long = _over(length > window, x)
  return jnp.where(is_long, x[:, window - shift : end], x[:, window:])


def _over(condition: jax.Array, x: jax.Array) -> jax.Array:
  """Gives a condition [n] the axes of x [n,...]."""
  return condition.reshape(-1, *(1,) * (x.ndim - 1))


def cut(x: jax.Array, window: Window) -> jax.Array:
  """Cuts [n,s,h,w,c] into windows [n,m,k,c]."""
  (n, s, h, w, c), (i, j, k) = x.shape, window
  x = x.reshape(n, s // i, i, h // j, j, w // k, k, c)
  return x.transpose(0, 1, 3, 5, 2, 4, 6, 7).reshape(n, -1, i * j * k, c)


def join(x: jax.Array, shape: tuple[int, ...], window: Window) -> jax.Array:
  """Joins windows [n,m,k,c] to the shape that they were cut from."""
  (n, s, h, w, c), (i, j, k) = shape, window
  x = x.reshape(n, s // i, h // j, w // k, i, j, k, c)
  return x.transpose(0, 1, 4, 2, 5, 3, 6, 7).reshape(shape)


def allowed(
  present: jax.Array,
  size: Sequence[int],
  window: Window,
  shift: Sequence[int],
) -> jax.Array:
  """Returns bool [n,m,k,k]: which token of a window may see which.

  All that is there is seen, but not from one edge of the frame to the other,
  which a shift brings into one window.
  """
  n, s = present.shape
  region = np.zeros((1, 1, *size, 1), np.int32)
  for axis in (1, 2):
    if shift[axis]:
      places = np.arange(size[axis - 1]) >= size[axis - 1] - shift[axis]
      ahead = places[:, None] if axis == 1 else places[None]
      region = 2 * region + ahead[None, None, ..., None]
  regions = jnp.broadcast_to(jnp.asarray(region), (1, s, *size, 1))
  same = cut(regions, window)[..., 0]
  there = jnp.broadcast_to(present[:, :, None, None, None], (n, s, *size, 1))
  there = cut(there, window)[..., 0]
  return (same[:, :, :, None] == same[:, :, None]) & there[:, :, None]
