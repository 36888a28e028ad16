"""Changes of the frames of one sequence, whatever is in a frame.

Each takes x [s,...] and a mask bool [s] whose valid frames come first.
`reflect` and `middle_frames` reproduce GaitGraph2's released code
(https://arxiv.org/abs/2204.07855).
"""

import functools
import math

import jax
import jax.numpy as jnp
from jax import export

from gaitgs_jax.input.transform import Entry

Masked = tuple[jax.Array, jax.Array]


def reflect(x: jax.Array, mask: jax.Array, *, frames: int) -> Masked:
  """Pads a shorter sequence by its mirror image to `frames` frames.

  The mirror images leave out the frame at the edge. A sequence too short for
  that is first mirrored whole on both sides until it is long enough; the
  published code then keeps the beginning, not the middle.

  Args:
    x: sequence [s,...].
    mask: bool [s].
    frames: the least length of the result.
  """
  length = mask.sum(dtype=jnp.int32)
  place = jnp.arange(jax.core.max_dim(mask.shape[0], frames), dtype=jnp.int32)
  index = jnp.where(length > frames, place, _mirrored(place, length, frames))
  index = jnp.clip(index, 0, mask.shape[0] - 1)
  return x[index], place < jnp.maximum(length, frames)


def _mirrored(place: jax.Array, length: jax.Array, frames: int) -> jax.Array:
  """Returns which frame of a sequence stands at each place of the padded."""
  missing = frames + 1 - length
  before, behind = (missing + 1) // 2, missing // 2 + 1
  # The sequence between its mirror images, and those again: 3^k copies, of
  # which the middle one and every other are the right way round.
  copies = jnp.ones((), jnp.int32)
  for _ in range(math.ceil(math.log(frames + 1, 3)) + 1):
    short = jnp.maximum(before, behind) > copies * length
    copies = jnp.where(short, 3 * copies, copies)
  total = copies * length
  inside = place - (before - 1)
  index = jnp.where(inside < 0, -inside, inside)
  index = jnp.where(inside >= total, 2 * total - 2 - inside, index)
  length = jnp.maximum(length, 1)
  copy, frame = index // length, index % length
  forward = (copy - copies // 2) % 2 == 0
  return jnp.where(forward, frame, length - 1 - frame)


def random_frames(
  x: jax.Array, mask: jax.Array, key: jax.Array, *, frames: int
) -> Masked:
  """Keeps a random window of at most `frames` frames.

  Args:
    x: sequence [s,...].
    mask: bool [s].
    key: for the place of the window.
    frames: the length of the window.
  """
  spare = _spare(mask, frames)
  return _window(x, mask, jax.random.randint(key, (), 0, spare + 1), frames)


def middle_frames(x: jax.Array, mask: jax.Array, *, frames: int) -> Masked:
  """Keeps the middle window of at most `frames` frames.

  Args:
    x: sequence [s,...].
    mask: bool [s].
    frames: the length of the window.
  """
  return _window(x, mask, _spare(mask, frames) // 2, frames)


def _spare(mask: jax.Array, frames: int) -> jax.Array:
  return jnp.maximum(mask.sum(dtype=jnp.int32) - frames, 0)


def _window(
  x: jax.Array, mask: jax.Array, start: jax.Array, frames: int
) -> Masked:
  if export.is_symbolic_dim(mask.shape[0]):
    # In a program for any length the window always has the same.
    x = jnp.pad(x, ((0, frames), *((0, 0),) * (x.ndim - 1)))
    mask = jnp.pad(mask, (0, frames))
    size = frames
  else:
    size = min(frames, len(mask))
  cut = functools.partial(jax.lax.dynamic_slice_in_dim, slice_size=size)
  return cut(x, start), cut(mask, start)


def reverse(x: jax.Array, mask: jax.Array) -> jax.Array:
  """Turns time around."""
  length = mask.sum(dtype=jnp.int32)
  place = jnp.arange(mask.shape[0], dtype=jnp.int32)
  return x[jnp.where(place < length, length - 1 - place, place)]


TIME = {
  'reflect': Entry(reflect, None, by_frame=False, masks=True),
  'reverse': Entry(reverse, 0.5, by_frame=False),
  'random_frames': Entry(random_frames, None, by_frame=False, masks=True),
  'middle_frames': Entry(middle_frames, None, by_frame=False, masks=True),
}
