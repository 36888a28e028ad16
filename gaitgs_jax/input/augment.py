"""What happens to frames on the device: cutting, scaling and augmentation.

Frames travel as uint8; everything here is jitted. Augmentations are chosen by
name in `config.augment`; each sequence is changed as a whole, with a
probability of one half. The published GaitGS uses none.
"""

import functools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from gaitgs_jax.errors import UserError

PROBABILITY = 0.5
# As OpenGait's defaults: degrees, and the erased share and shape of a frame.
ROTATION = 10.0
ERASED_AREA = (0.02, 0.05)
ERASED_ASPECT = (0.3, 3.3)
# Greatest shift, as a share of the frame's height and width.
SHIFT = 0.05


@functools.partial(jax.jit, static_argnames='size')
def inputs(frames: jax.Array, size: tuple[int, int]) -> jax.Array:
  """Returns a model's inputs float32 [n,s,h,w',1] in 0..1.

  Cuts the middle w' columns: 64 of 64 x 64 frames to 44, as published, 128 to
  88.

  Args:
    frames: uint8 [n,s,h,w].
    size: (h, w') of the model.

  Raises:
    UserError: no such size can be cut from the frames.
  """
  height, width = frames.shape[-2:]
  spare = width - size[1]
  if height != size[0] or spare < 0 or spare % 2:
    raise UserError(
      f'the frames are {height}x{width}, but the model expects'
      f' {size[0]}x{size[1]}; set dataset.size to fit the data, or prepare'
      ' the data at that height'
    )
  cut = frames[..., spare // 2 : width - spare // 2, None]
  return cut.astype(jnp.float32) / 255


def augment(
  inputs: jax.Array, mask: jax.Array, key: jax.Array, names: Sequence[str]
) -> jax.Array:
  """Applies augmentations, in the order of their names.

  Args:
    inputs: float32 [n,s,h,w,1] in 0..1.
    mask: bool [n,s]; padded frames come back as zeros.
    key: of the step.
    names: of `AUGMENTATIONS`.

  Returns:
    float32 [n,s,h,w,1].

  Raises:
    UserError: there is no augmentation of that name.
  """
  names = tuple(names)
  for name in names:
    if name not in AUGMENTATIONS:
      raise UserError(
        f'unknown augmentation {name!r}; choose from {", ".join(AUGMENTATIONS)}'
      )
  return _augment(inputs, mask, key, names) if names else inputs


@functools.partial(jax.jit, static_argnames='names')
def _augment(
  inputs: jax.Array, mask: jax.Array, key: jax.Array, names: tuple[str, ...]
) -> jax.Array:
  frames = inputs[..., 0]
  for number, name in enumerate(names):
    keys = jax.random.split(jax.random.fold_in(key, number), len(frames))
    frames = jax.vmap(_sometimes(AUGMENTATIONS[name]))(frames, keys)
  return jnp.where(mask[..., None, None], frames, 0)[..., None]


def _sometimes(
  function: Callable[[jax.Array, jax.Array], jax.Array],
) -> Callable[[jax.Array, jax.Array], jax.Array]:
  def changed(frames: jax.Array, key: jax.Array) -> jax.Array:
    coin, key = jax.random.split(key)
    kept = jax.random.uniform(coin) >= PROBABILITY
    return jnp.where(kept, frames, function(frames, key))

  return changed


def flip(frames: jax.Array, key: jax.Array) -> jax.Array:
  """Mirrors frames [s,h,w] left to right.

  A walk seen from 054 then looks like one from 126, so that its view class is
  no longer true: not for a model that learns views.
  """
  del key
  return frames[..., ::-1]


def rotate(frames: jax.Array, key: jax.Array) -> jax.Array:
  """Turns frames [s,h,w] by one angle of up to `ROTATION` degrees."""
  angle = jnp.deg2rad(ROTATION) * jax.random.uniform(key, minval=-1, maxval=1)
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


def shift(frames: jax.Array, key: jax.Array) -> jax.Array:
  """Moves frames [s,h,w] by up to `SHIFT` of their size, zeros moving in."""
  height, width = frames.shape[-2:]
  reach = (round(SHIFT * height), round(SHIFT * width))
  padded = jnp.pad(frames, ((0, 0), *((r, r) for r in reach)))
  start = [
    jax.random.randint(k, (), 0, 2 * r + 1)
    for k, r in zip(jax.random.split(key), reach, strict=True)
  ]
  return jax.lax.dynamic_slice(padded, (0, *start), frames.shape)


AUGMENTATIONS = {
  'flip': flip,
  'rotate': rotate,
  'erase': erase,
  'shift': shift,
}
