"""Changes of one sequence of skeletons, on the device.

Each takes keypoints float32 [s,v,3] (x, y, confidence), a mask bool [s] whose
valid frames come first, and a key, and returns keypoints and mask, of as many
frames or another fixed number. They are those of GaitGraph2
(https://arxiv.org/abs/2204.07855), whose numbers `reflect`, `centre` and
`repair` reproduce, and of OpenGait (arXiv 2211.06597).
"""

import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp

Sequence = tuple[jax.Array, jax.Array]


def repair(x: jax.Array, mask: jax.Array) -> Sequence:
  """Moves missing joints (x = 0) to the middle of their frame's joints.

  The mean is taken over all joints, missing ones and those repaired before
  included, as published. A repaired joint has confidence 0.
  """

  def one_joint(joint: jax.Array, x: jax.Array) -> jax.Array:
    middle = x.mean(axis=1).at[:, 2].set(0)
    missing = (x[:, joint, 0] == 0) & mask
    fixed = jnp.where(missing[:, None], middle, x[:, joint])
    return x.at[:, joint].set(fixed)

  return jax.lax.fori_loop(0, x.shape[1], one_joint, x), mask


def reflect(x: jax.Array, mask: jax.Array, *, frames: int) -> Sequence:
  """Pads a shorter sequence by its mirror image to `frames` frames.

  The mirror images leave out the frame at the edge. A sequence too short for
  that is first mirrored whole on both sides until it is long enough; the
  published code then keeps the beginning, not the middle.

  Args:
    x: keypoints [s,v,3].
    mask: bool [s].
    frames: the least length of the result.
  """
  length = mask.sum(dtype=jnp.int32)
  place = jnp.arange(max(len(mask), frames), dtype=jnp.int32)
  index = jnp.where(length > frames, place, _mirrored(place, length, frames))
  index = jnp.clip(index, 0, len(mask) - 1)
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


def crop(
  x: jax.Array, mask: jax.Array, key: jax.Array, *, frames: int
) -> Sequence:
  """Keeps a random window of at most `frames` frames.

  Args:
    x: keypoints [s,v,3].
    mask: bool [s].
    key: for the place of the window.
    frames: the length of the window.
  """
  spare = _spare(mask, frames)
  return _window(x, mask, jax.random.randint(key, (), 0, spare + 1), frames)


def centre(x: jax.Array, mask: jax.Array, *, frames: int) -> Sequence:
  """Keeps the middle window of at most `frames` frames.

  Args:
    x: keypoints [s,v,3].
    mask: bool [s].
    frames: the length of the window.
  """
  return _window(x, mask, _spare(mask, frames) // 2, frames)


def _spare(mask: jax.Array, frames: int) -> jax.Array:
  return jnp.maximum(mask.sum(dtype=jnp.int32) - frames, 0)


def _window(
  x: jax.Array, mask: jax.Array, start: jax.Array, frames: int
) -> Sequence:
  size = min(frames, len(mask))
  cut = functools.partial(jax.lax.dynamic_slice_in_dim, slice_size=size)
  return cut(x, start), cut(mask, start)


def reverse(x: jax.Array, mask: jax.Array, key: jax.Array) -> Sequence:
  """Turns time around."""
  del key
  length = mask.sum(dtype=jnp.int32)
  place = jnp.arange(len(mask), dtype=jnp.int32)
  return x[jnp.where(place < length, length - 1 - place, place)], mask


def swap_sides(
  x: jax.Array,
  mask: jax.Array,
  key: jax.Array,
  *,
  swap: tuple[int, ...],
  share: float = 1.0,
) -> Sequence:
  """Exchanges left and right joints; x is not mirrored.

  Args:
    x: keypoints [s,v,3].
    mask: bool [s].
    key: for the frames, if not all.
    swap: the joint that takes each place.
    share: of the frames in which it is done (OpenGait draws them one by one).
  """
  chosen = jax.random.uniform(key, mask.shape) < share
  return jnp.where(chosen[:, None, None], x[:, jnp.asarray(swap)], x), mask


def joint_noise(
  x: jax.Array,
  mask: jax.Array,
  key: jax.Array,
  *,
  scale: float,
  normal: bool = False,
) -> Sequence:
  """Moves each joint in x and y, by the same amount in all frames.

  Args:
    x: keypoints [s,v,3].
    mask: bool [s].
    key: for the amounts.
    scale: the largest amount or, if normal, the standard deviation.
    normal: whether the amounts are Gaussian instead of uniform.
  """
  noise = _noise(key, (x.shape[1], 2), scale, normal)
  return x.at[..., :2].add(noise[None]), mask


def point_noise(
  x: jax.Array,
  mask: jax.Array,
  key: jax.Array,
  *,
  scale: float,
  normal: bool = False,
  clip: bool = True,
) -> Sequence:
  """Changes every number by itself, the confidence too.

  Args:
    x: keypoints [s,v,3].
    mask: bool [s].
    key: for the amounts.
    scale: the largest amount or, if normal, the standard deviation.
    normal: whether the amounts are Gaussian (OpenGait) instead of uniform
      (GaitGraph2).
    clip: whether the confidence is kept in 0..1 (GaitGraph2; OpenGait does
      not).
  """
  x = x + _noise(key, x.shape, scale, normal)
  return (x.at[..., 2].set(jnp.clip(x[..., 2], 0, 1)) if clip else x), mask


def _noise(
  key: jax.Array, shape: tuple[int, ...], scale: float, normal: bool
) -> jax.Array:
  if normal:
    return scale * jax.random.normal(key, shape)
  return jax.random.uniform(key, shape, minval=-scale, maxval=scale)


def move(
  keypoints: jax.Array, mask: jax.Array, key: jax.Array, *, x: float, y: float
) -> Sequence:
  """Moves the whole walk by up to x and y pixels.

  Args:
    keypoints: [s,v,3].
    mask: bool [s].
    key: for the distances.
    x: the largest distance sideways, in pixels.
    y: the largest distance up or down, in pixels.
  """
  reach = jnp.asarray([x, y], jnp.float32)
  offset = reach * jax.random.uniform(key, (2,), minval=-1, maxval=1)
  return keypoints.at[..., :2].add(offset[None, None]), mask


# In the order in which they are applied, GaitGraph2's.
TRANSFORMS: dict[str, Callable[..., Sequence]] = {
  'repair': repair,
  'reflect': reflect,
  'reverse': reverse,
  'crop': crop,
  'centre': centre,
  'swap_sides': swap_sides,
  'joint_noise': joint_noise,
  'point_noise': point_noise,
  'move': move,
}
