"""Changes of one sequence of skeletons, on the device.

Each takes keypoints float32 [s,v,3] (x, y, confidence) and those of a mask bool
[s], a key and a skeleton that it needs. They are those of GaitGraph2
(https://arxiv.org/abs/2204.07855), whose numbers `repair` reproduces, of
OpenGait (arXiv 2211.06597) and of FastPoseGait (arXiv 2309.00794);
docs/porting.md lists them side by side.
"""

from typing import Literal

import jax
import jax.numpy as jnp

from gaitgs_jax import skeletons
from gaitgs_jax.input.pose_features import FEATURES
from gaitgs_jax.input.transform import Entry
from gaitgs_jax.skeletons import Skeleton

_CENTRES = {
  'neck': ('left_shoulder', 'right_shoulder'),
  'head': ('left_eye', 'right_eye'),
  'hip': ('left_hip', 'right_hip'),
}


def repair(x: jax.Array, mask: jax.Array) -> jax.Array:
  """Moves missing joints (x = 0) to the middle of their frame's joints.

  The mean is taken over all joints, missing ones and those repaired before
  included, as published. A repaired joint has confidence 0.
  """

  def one_joint(joint: jax.Array, x: jax.Array) -> jax.Array:
    middle = x.mean(axis=1).at[:, 2].set(0)
    missing = (x[:, joint, 0] == 0) & mask
    fixed = jnp.where(missing[:, None], middle, x[:, joint])
    return x.at[:, joint].set(fixed)

  return jax.lax.fori_loop(0, x.shape[1], one_joint, x)


def horizontal_flip(x: jax.Array) -> jax.Array:
  """Mirrors x about the mean of each frame's joints; none is renamed.

  Missing joints count as points at the origin and are moved too, as published.
  """
  middle = x[..., 0].mean(axis=1, keepdims=True)
  return x.at[..., 0].set(2 * middle - x[..., 0])


def swap_sides(x: jax.Array, skeleton: Skeleton) -> jax.Array:
  """Exchanges left and right joints; x is not mirrored.

  GaitGraph2 draws this for each sequence, OpenGait for each frame.
  """
  return x[:, jnp.asarray(skeleton.swap)]


def joint_noise(
  x: jax.Array, key: jax.Array, *, scale: float, normal: bool = False
) -> jax.Array:
  """Moves each joint in x and y, by the same amount in all frames.

  Args:
    x: keypoints [s,v,3].
    key: for the amounts.
    scale: the largest amount or, if normal, the standard deviation.
    normal: whether the amounts are Gaussian instead of uniform.
  """
  noise = _noise(key, (x.shape[1], 2), scale, normal)
  return x.at[..., :2].add(noise[None])


def point_noise(
  x: jax.Array,
  key: jax.Array,
  *,
  scale: float,
  normal: bool = False,
  clip: bool = True,
) -> jax.Array:
  """Changes every number by itself, the confidence too.

  Args:
    x: keypoints [s,v,3].
    key: for the amounts.
    scale: the largest amount or, if normal, the standard deviation.
    normal: whether the amounts are Gaussian (OpenGait) instead of uniform
      (GaitGraph2).
    clip: whether the confidence is kept in 0..1 (GaitGraph2; OpenGait does
      not).
  """
  x = x + _noise(key, x.shape, scale, normal)
  return x.at[..., 2].set(jnp.clip(x[..., 2], 0, 1)) if clip else x


def _noise(
  key: jax.Array, shape: tuple[int, ...], scale: float, normal: bool
) -> jax.Array:
  if normal:
    return scale * jax.random.normal(key, shape)
  return jax.random.uniform(key, shape, minval=-scale, maxval=scale)


def move(
  keypoints: jax.Array, key: jax.Array, *, x: float, y: float
) -> jax.Array:
  """Moves the whole walk by up to x and y pixels.

  Args:
    keypoints: [s,v,3].
    key: for the distances.
    x: the largest distance sideways, in pixels; OpenGait's is 4.
    y: the largest distance up or down, in pixels; OpenGait's is 1.
  """
  reach = jnp.asarray([x, y], jnp.float32)
  offset = reach * jax.random.uniform(key, (2,), minval=-1, maxval=1)
  return keypoints.at[..., :2].add(offset[None, None])


def straighten(x: jax.Array, skeleton: Skeleton) -> jax.Array:
  """Turns each frame about the neck so that the spine is vertical.

  FastPoseGait's Affine, of GPGait (https://arxiv.org/abs/2303.05234): there
  y is computed from the x that was turned already. The spine is vertical, but
  shorter; so is it here. The spine runs between the middles of the shoulders
  and of the hips.
  """
  neck, hip = (_middle(x, skeleton, name) for name in ('neck', 'hip'))
  across, down = hip[..., 0] - neck[..., 0], hip[..., 1] - neck[..., 1]
  slope = jnp.where(down == 0, 0, across / jnp.where(down == 0, 1, down))
  angle = jnp.arctan(slope)
  cos, sin = jnp.cos(angle), jnp.sin(angle)
  column, row = x[..., 0] - neck[..., 0], x[..., 1] - neck[..., 1]
  column = cos * column - sin * row
  row = sin * column + cos * row
  x = x.at[..., 0].set(column + neck[..., 0])
  return x.at[..., 1].set(row + neck[..., 1])


def rescale_centre(
  x: jax.Array,
  skeleton: Skeleton,
  *,
  height: float = 225.0,
  centre: Literal['neck', 'head', 'hip'] = 'neck',
) -> jax.Array:
  """Scales each frame to one height and moves its centre to the origin.

  FastPoseGait's RescaleCenter, of GPGait (https://arxiv.org/abs/2303.05234).

  Args:
    x: keypoints [s,v,3].
    skeleton: their convention.
    height: from the highest to the lowest joint, missing ones among them.
    centre: 'neck' (the middle of the shoulders), 'head' (of the eyes) or 'hip'.
  """
  row = x[..., 1]
  extent = row.max(axis=1) - row.min(axis=1)
  # A frame without anybody has none.
  factor = height / jnp.where(extent > 0, extent, height)
  x = x.at[..., :2].multiply(factor[:, None, None])
  return x.at[..., :2].add(-_middle(x, skeleton, centre))


def to_coco17(x: jax.Array, skeleton: Skeleton) -> jax.Array:
  """Keeps COCO's 17 joints, of OpenPose's 18 all but the neck.

  As FastPoseGait prepares OUMVLP-Pose. What follows in the list sees them.
  """
  return x[:, jnp.asarray(skeletons.places('coco17', skeleton.name))]


def _middle(x: jax.Array, skeleton: Skeleton, name: str) -> jax.Array:
  """Returns the middle of a pair of joints, x and y, [s,1,2]."""
  places = [skeleton.joints.index(joint) for joint in _CENTRES[name]]
  return x[:, jnp.asarray(places), :2].mean(axis=1, keepdims=True)


POSES = {
  'repair': Entry(repair),
  'horizontal_flip': Entry(horizontal_flip, 0.5),
  'swap_sides': Entry(swap_sides, 0.5),
  'joint_noise': Entry(joint_noise),
  'point_noise': Entry(point_noise),
  'move': Entry(move),
  'straighten': Entry(straighten),
  'rescale_centre': Entry(rescale_centre),
  'to_coco17': Entry(to_coco17, None, by_frame=False, skeleton='coco17'),
  **FEATURES,
}
