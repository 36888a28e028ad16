"""What skeleton models see instead of keypoints, computed from them.

Each takes keypoints float32 [s,v,3] and gives other channels or joints, so a
list ends with one of them. GaitGraph and GaitGraph2 compute theirs themselves.
"""

from typing import Literal

import jax
import jax.numpy as jnp

from gaitgs_jax.input.transform import Entry
from gaitgs_jax.skeletons import Skeleton

# MSGG's order.
_LIMBS = (
  *('right_shoulder', 'right_elbow', 'right_knee', 'right_hip'),
  *('left_elbow', 'left_knee', 'left_shoulder', 'right_wrist'),
  *('right_ankle', 'left_hip', 'left_wrist', 'left_ankle'),
)
# Joint: the joints on both sides of the angle at it. Without a second one, the
# angle is to the vertical.
_ANGLES = {
  'nose': 'left_eye right_eye',
  'left_eye': 'nose left_ear',
  'right_eye': 'right_ear nose',
  'left_ear': 'left_eye',
  'right_ear': 'right_eye',
  'left_shoulder': 'left_elbow left_hip',
  'right_shoulder': 'right_elbow right_hip',
  'left_elbow': 'left_shoulder left_wrist',
  'right_elbow': 'right_wrist right_shoulder',
  'left_wrist': 'left_elbow',
  'right_wrist': 'right_elbow',
  'left_hip': 'left_shoulder left_knee',
  'right_hip': 'right_shoulder right_knee',
  'left_knee': 'left_hip left_ankle',
  'right_knee': 'right_hip right_ankle',
  'left_ankle': 'left_knee',
  'right_ankle': 'right_knee',
}


def motion_and_bones(
  x: jax.Array,
  mask: jax.Array,
  skeleton: Skeleton,
  *,
  convention: Literal['opengait', 'fastposegait'] = 'opengait',
) -> jax.Array:
  """Gives GaitTR's ten channels: places, motion and bones, x and y of each.

  https://arxiv.org/abs/2204.03873. Places, places relative to a joint, what is
  added by the next frame and by the one after it (0 in the last two frames),
  and bones.

  Args:
    x: keypoints [s,v,3].
    mask: bool [s].
    skeleton: their convention.
    convention: whose code: 'opengait' measures from joint 0, 'fastposegait'
      from the skeleton's centre.
  """
  origin = skeleton.centre if convention == 'fastposegait' else 0
  places = x[..., :2]
  frame = jnp.arange(x.shape[0], dtype=jnp.int32)
  known = (frame < mask.sum(dtype=jnp.int32) - 2)[:, None, None]
  motion = [
    jnp.where(known, jnp.roll(places, -step, axis=0) - places, 0)
    for step in (1, 2)
  ]
  relative = places - places[:, origin : origin + 1]
  return jnp.concatenate(
    [places, relative, *motion, _bones(places, skeleton)], axis=-1
  )


def _bones(places: jax.Array, skeleton: Skeleton) -> jax.Array:
  """Returns where joints are from their parents, [s,v,2]."""
  parents = list(skeleton.parents)
  if skeleton.name == 'coco17':
    # The nose's bone ends at the left shoulder in both released codes.
    parents[0] = skeleton.joints.index('left_shoulder')
  return places - places[:, jnp.asarray(parents)]


def bones_and_angles(x: jax.Array, skeleton: Skeleton) -> jax.Array:
  """Gives GPGait's human-oriented descriptors: places, bones and angles.

  https://arxiv.org/abs/2303.05234. Six channels: x and y of each place and
  bone, an angle (pi less the one between two bones, or between a bone and the
  vertical) and 0.
  """
  places = x[..., :2]
  angles = jnp.stack(
    [_angle(places, skeleton, joint) for joint in skeleton.joints], axis=1
  )
  zeros = jnp.zeros_like(angles)
  return jnp.concatenate(
    [
      places,
      _bones(places, skeleton),
      jnp.stack([angles, zeros], axis=-1),
    ],
    axis=-1,
  )


def _angle(places: jax.Array, skeleton: Skeleton, joint: str) -> jax.Array:
  """Returns the angle at a joint, [s]; 0 for one that has none."""
  if joint not in _ANGLES:
    return jnp.zeros_like(places[:, 0, 0])
  at, *ends = (
    places[:, skeleton.joints.index(name)]
    for name in (joint, *_ANGLES[joint].split())
  )
  first = ends[0]
  if len(ends) == 2:
    second = ends[1]
  else:
    second = jnp.stack([at[:, 0], first[:, 1]], axis=-1)

  def squared(a: jax.Array, b: jax.Array) -> jax.Array:
    return jnp.square(a - b).sum(axis=-1)

  one, two = squared(at, first), squared(at, second)
  product = jnp.sqrt(one * two)
  known = product > 0
  cosine = (one + two - squared(first, second)) / jnp.where(
    known, 2 * product, 1
  )
  angle = jnp.pi - jnp.arccos(jnp.clip(cosine, -1, 1))
  return jnp.where(known, angle, jnp.pi)


def limbs(x: jax.Array, skeleton: Skeleton) -> jax.Array:
  """Keeps the twelve joints that MSGG sees, in its order.

  https://doi.org/10.1007/s11042-023-15483-x.
  """
  places = [skeleton.joints.index(joint) for joint in _LIMBS]
  return x[:, jnp.asarray(places)]


FEATURES = {
  'motion_and_bones': Entry(motion_and_bones, None, by_frame=False),
  'bones_and_angles': Entry(bones_and_angles, None, by_frame=False),
  'limbs': Entry(limbs, None, by_frame=False),
}
