"""Changes of one sequence of maps, on the device.

Each takes frames float32 [s,h,w,c]: silhouettes, heat maps, depth, parsing
labels or rgb. What is drawn is drawn once for all frames and channels.

The defaults are those of OpenGait's released code
(https://github.com/ShiqiYu/OpenGait) unless a docstring says otherwise;
docs/porting.md lists them side by side.
"""

import jax
import jax.numpy as jnp
import numpy as np

from gaitgs_jax.errors import BadValue
from gaitgs_jax.fields import Share
from gaitgs_jax.input.map_geometry import affine, perspective, rotation
from gaitgs_jax.input.transform import Entry

# OpenGait's rows are those of frames of this height.
_HEIGHT = 64
# How often a rectangle is drawn until one fits into the frame.
_TRIES = 100


def horizontal_flip(x: jax.Array) -> jax.Array:
  """Mirrors frames left to right.

  A walk seen from 054 then looks like one from 126, so that its view class is
  no longer true: not for a model that learns views.
  """
  return x[:, :, ::-1]


def random_erasing(
  x: jax.Array,
  key: jax.Array,
  *,
  area: tuple[float, float] = (0.05, 0.2),
  aspect: Share = 0.3,
) -> jax.Array:
  """Blanks one rectangle.

  Random erasing, https://arxiv.org/abs/1708.04896; the numbers are OpenGait's.

  Args:
    x: frames [s,h,w,c].
    key: for the rectangle.
    area: the least and the largest share of the frame.
    aspect: the least height by width; the largest is 1 / aspect.
  """
  if not 0 < aspect <= 1 or area[1] > 1:
    raise BadValue(
      f'area={area}, aspect={aspect}: both are shares of 1, and aspect is not 0'
    )
  height, width = x.shape[1:3]
  keys = jax.random.split(key, 4)
  pixels = height * width * _between(keys[0], (_TRIES,), *area)
  ratio = _between(keys[1], (_TRIES,), aspect, 1 / aspect)
  tall = jnp.round(jnp.sqrt(pixels * ratio))
  wide = jnp.round(jnp.sqrt(pixels / ratio))
  # The first that fits; if none does, the frame stays as it is.
  fits = (tall < height) & (wide < width)
  first = jnp.argmax(fits)
  rows = _inside(tall[first], height, keys[2])
  columns = _inside(wide[first], width, keys[3])
  blank = rows[:, None] & columns[None, :] & fits[first]
  return jnp.where(blank[None, :, :, None], 0, x)


def _between(
  key: jax.Array, shape: tuple[int, ...], low: float, high: float
) -> jax.Array:
  return low + (high - low) * jax.random.uniform(key, shape)


def _inside(extent: jax.Array, size: int, key: jax.Array) -> jax.Array:
  """Returns bool [size], True along a random interval of that extent."""
  start = jnp.floor(jax.random.uniform(key) * (size - extent + 1))
  places = jnp.arange(size, dtype=jnp.float32)
  return (places >= start) & (places < start + extent)


def part_dilation(
  x: jax.Array,
  key: jax.Array,
  *,
  top: tuple[int, int] = (12, 16),
  bottom: tuple[int, int] = (36, 40),
) -> jax.Array:
  """Thickens a part of the body, as other clothes would.

  Of GaitSSB, https://arxiv.org/abs/2206.13964. Each of nine structuring
  elements of 3 to 5 pixels is as likely; those of the rows outside the part do
  not grow into it.

  Args:
    x: silhouettes [s,h,w,c].
    key: for the part and the element.
    top: the first row of the part, least and largest, in frames of 64 rows.
    bottom: the row below the part, least and largest.
  """
  place, shape = jax.random.split(key)
  rows = _part(x, place, top, bottom)
  kernel = jnp.asarray(_KERNELS)[jax.random.randint(shape, (), 0, 9)]
  height, width = x.shape[1:3]
  part = jnp.where(rows[:, None, None], x, 0)
  padded = jnp.pad(part, ((0, 0), (2, 2), (2, 2), (0, 0)))
  largest = part
  for down in range(5):
    for across in range(5):
      moved = padded[:, down : down + height, across : across + width]
      moved = jnp.where(kernel[down, across], moved, 0)
      largest = jnp.maximum(largest, moved)
  return jnp.where(rows[:, None, None], largest, x)


def _part(
  x: jax.Array, key: jax.Array, top: tuple[int, int], bottom: tuple[int, int]
) -> jax.Array:
  """Draws the rows of a part, bool [h]."""
  height = x.shape[1]
  first, last = (
    jax.random.randint(k, (), low, high + 1) * height // _HEIGHT
    for k, (low, high) in zip(jax.random.split(key), (top, bottom), strict=True)
  )
  rows = jnp.arange(height, dtype=jnp.int32)
  return (rows >= first) & (rows < last)


def _kernels() -> np.ndarray:
  """Returns OpenCV's elements: three rectangles, crosses and ellipses."""
  y, x = np.abs(np.mgrid[-2:3, -2:3])

  def rectangle(height: int, width: int) -> np.ndarray:
    return (y <= height // 2) & (x <= width // 2)

  def cross(height: int, width: int) -> np.ndarray:
    return rectangle(height, 1) | rectangle(1, width)

  crosses = [cross(3, 3), cross(5, 3), cross(3, 5)]
  ellipses = [cross(3, 3), rectangle(3, 3) | cross(5, 3), cross(3, 5)]
  rectangles = [rectangle(3, 5), rectangle(5, 5), rectangle(5, 3)]
  return np.stack(rectangles + crosses + ellipses)


_KERNELS = _kernels()


def part_blur(
  x: jax.Array,
  key: jax.Array,
  *,
  top: tuple[int, int] = (9, 20),
  bottom: tuple[int, int] = (29, 40),
) -> jax.Array:
  """Blurs a part of the body and makes it a silhouette of 0 and 1 again.

  Of GaitSSB: a binomial filter of 3 x 3 pixels, then what is above 0.2.

  Args:
    x: silhouettes [s,h,w,c].
    key: for the part.
    top: the first row of the part, least and largest, in frames of 64 rows.
    bottom: the row below the part, least and largest.
  """
  rows = _part(x, key, top, bottom)
  place = jnp.arange(x.shape[1], dtype=jnp.int32)
  first, last = jnp.argmax(rows), x.shape[1] - 1 - jnp.argmax(rows[::-1])
  # The part's edges are mirrored, as if there were nothing outside.
  above = jnp.where(place == first, place + 1, place - 1)
  below = jnp.where(place == last, place - 1, place + 1)
  above, below = jnp.clip(above, first, last), jnp.clip(below, first, last)
  soft = (x[:, above] + 2 * x + x[:, below]) / 4
  wide = jnp.pad(soft, ((0, 0), (0, 0), (1, 1), (0, 0)), mode='reflect')
  soft = (wide[:, :, :-2] + 2 * soft + wide[:, :, 2:]) / 4
  hard = (soft > 0.2).astype(x.dtype)
  return jnp.where(rows[:, None, None], hard, x)


def shift(x: jax.Array, key: jax.Array, *, share: Share = 0.05) -> jax.Array:
  """Moves frames by up to a share of their size.

  Not of a published recipe.

  Args:
    x: frames [s,h,w,c].
    key: for the distances.
    share: of the height and the width, at most, each way.
  """
  reach = tuple(round(share * size) for size in x.shape[1:3])
  padded = jnp.pad(x, ((0, 0), *((r, r) for r in reach), (0, 0)))
  start = [
    jax.random.randint(k, (), 0, 2 * r + 1)
    for k, r in zip(jax.random.split(key), reach, strict=True)
  ]
  return jax.lax.dynamic_slice(padded, (0, *start, 0), x.shape)


def crop(x: jax.Array, width: int) -> jax.Array:
  """Cuts the middle columns out, as many as the model sees.

  A list without it cuts them before its first transform.

  Args:
    x: frames [s,h,w,c].
    width: columns of the result.
  """
  spare = x.shape[2] - width
  if spare < 0 or spare % 2:
    raise BadValue(
      f'crop: the middle {width} columns of {x.shape[2]} are not available; '
      'set its size in config.inputs to fit the data'
    )
  return x[:, :, spare // 2 : x.shape[2] - spare // 2]


def min_max(x: jax.Array, mask: jax.Array) -> jax.Array:
  """Scales the numbers of a sequence to 0..1 by their least and largest.

  Of FastPoseGait's GaitHeat.
  """
  valid = mask[:, None, None, None]
  low = jnp.min(jnp.where(valid, x, jnp.inf))
  high = jnp.max(jnp.where(valid, x, -jnp.inf))
  return (x - low) / jnp.where(high > low, high - low, 1)


def normalize(
  x: jax.Array,
  *,
  mean: tuple[float, float, float] = (0.485, 0.456, 0.406),
  deviation: tuple[float, float, float] = (0.229, 0.224, 0.225),
) -> jax.Array:
  """Subtracts a mean and divides by a standard deviation.

  Args:
    x: rgb [s,h,w,3] in 0..1.
    mean: of each channel; ImageNet's.
    deviation: of each channel; ImageNet's.
  """
  low, scale = (jnp.asarray(each, x.dtype) for each in (mean, deviation))
  return (x - low[None, None, None]) / scale[None, None, None]


MAPS = {
  'horizontal_flip': Entry(horizontal_flip, 0.5),
  'rotation': Entry(rotation, 0.5),
  'perspective': Entry(perspective, 0.5),
  'affine': Entry(affine, 0.5),
  'random_erasing': Entry(random_erasing, 0.5),
  'shift': Entry(shift, 0.5),
  'crop': Entry(crop, None),
}
NUMBERS = MAPS | {'min_max': Entry(min_max, by_frame=False)}
SILHOUETTES = NUMBERS | {
  'part_dilation': Entry(part_dilation, 0.5),
  'part_blur': Entry(part_blur, 0.5),
}
RGB = NUMBERS | {'normalize': Entry(normalize)}
