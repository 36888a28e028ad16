"""What a landmark network makes of people who are small in the picture.

It draws them more alike than they are, puts their hips too low, is unsure of
where they face, and loses their arms.
"""

import numpy as np

from gaitgs_jax.synthetic import wild_traits as settings
from gaitgs_jax.synthetic.keypoints import SURE, drift

# Of COCO's 17 joints.
_FACE, _EARS, _SHOULDERS = [*range(5)], [3, 4], [5, 6]
_HIPS, _KNEES = [11, 12], [13, 14]
_ARMS, _LEGS = [*range(5, 11)], [*range(11, 17)]


def misplace(
  keypoints: np.ndarray, heights: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
  """Returns keypoints float32 [s,17,3] with the faults of such a network.

  Args:
    keypoints: of `keypoints.detect`.
    heights: [s], of the person in pixels.
    generator: draws the faults.
  """
  found = _usual(keypoints.astype(float))
  count = len(found)
  low = drift((count,), generator, settings.STAYS)
  low = settings.LOW_HIPS + settings.LOW_HIPS_SD * low
  thighs = found[:, _KNEES, :2] - found[:, _HIPS, :2]
  found[:, _HIPS, :2] += low[:, None, None] * thighs
  moved = drift((count, 17, 2), generator, settings.STAYS)
  # The head turns as a whole, the nose most, and so does the trunk: a shoulder
  # that is too far to the left has the other too far to the right.
  moved[:, _FACE] = moved[:, :1] + 0.3 * moved[:, _FACE]
  for left, right in (_SHOULDERS, _HIPS):
    moved[:, right, 0] = -moved[:, left, 0]
  found[..., :2] += heights[:, None, None] * np.array(settings.WANDERS) * moved
  sure, unsure = np.array(settings.SURE).T
  found[..., 2] *= sure / SURE
  found[..., 2] += unsure * drift((count, 17), generator, settings.STAYS)
  found[..., 2] = found[..., 2].clip(0.05, 1)
  missing = keypoints[..., 2:] == 0
  return np.where(missing, 0, found).astype(np.float32)


def _usual(keypoints: np.ndarray) -> np.ndarray:
  """Returns keypoints with shoulders at the usual height and both sides level.

  Frames with a missing joint stay as they are.
  """
  y = keypoints[..., 1].copy()
  hips, ears, shoulders = (
    y[:, pair].mean(1) for pair in (_HIPS, _EARS, _SHOULDERS)
  )
  usual = hips + settings.SHOULDERS * (ears - hips)
  y[:, _ARMS] += settings.USUAL_SHOULDERS * (usual - shoulders)[:, None]
  for limbs in (_ARMS, _LEGS):
    left, right = limbs[::2], limbs[1::2]
    lean = settings.LEVELLED * (y[:, left[0]] - y[:, right[0]])[:, None] / 2
    y[:, left] -= lean
    y[:, right] += lean
  whole = (keypoints[..., 2] > 0).all(axis=1, keepdims=True)
  found = keypoints.copy()
  found[..., 1] = np.where(whole, y, keypoints[..., 1])
  return found
