"""What a landmark network makes of small people."""

import numpy as np

from gaitgs_jax.synthetic import wild_traits
from gaitgs_jax.synthetic.keypoints import SURE
from gaitgs_jax.synthetic.wild_detector import misplace

FRAMES = 4_000
HEIGHT = 100.0
# Across and down, over the height: ears, shoulders and hips, the left side of
# which is lower; arms and legs hang down.
X = [0.05, 0.05, 0.05, 0, 0, *[-0.1, 0.1] * 3, *[-0.05, 0.05] * 3]
Y = [0.95, 0.96, 0.96, 0.95, 0.95]
Y += [0.80, 0.84, 0.60, 0.64, 0.45, 0.49, 0.51, 0.55, 0.26, 0.30, 0.01, 0.05]


def _standing():
  place = HEIGHT * np.stack([X, 1 - np.array(Y)], -1)
  sure = np.full((17, 1), SURE)
  one = np.concatenate([place, sure], -1).astype(np.float32)
  return np.tile(one, (FRAMES, 1, 1))


def _found(keypoints):
  heights = np.full(len(keypoints), HEIGHT)
  return misplace(keypoints, heights, np.random.default_rng(0))


def test_what_lasts_is_what_networks_take_people_for():
  found = _found(_standing())
  assert found.dtype == np.float32
  mean = found.mean(0)
  right = _standing()[0]
  # Nothing is drawn sideways for good.
  np.testing.assert_allclose(mean[:, 0], right[:, 0], atol=2.0)
  # The hips sink, and both sides come to be level.
  level = 1 - wild_traits.LEVELLED
  for left in (5, 7, 9, 11, 13, 15):
    np.testing.assert_allclose(
      mean[left, 1] - mean[left + 1, 1], 4 * level, atol=1
    )
  thigh = right[13, 1] - right[11, 1]
  low = mean[11:13, 1].mean() - right[11:13, 1].mean()
  np.testing.assert_allclose(low, wild_traits.LOW_HIPS * thigh, atol=0.6)
  # The shoulders come nearer to 0.725 of the way from hips to ears, here 83.
  usual = 100 - (53 + wild_traits.SHOULDERS * (95 - 53))
  moved = mean[5:7, 1].mean() - right[5:7, 1].mean()
  share = wild_traits.USUAL_SHOULDERS
  np.testing.assert_allclose(moved, share * (usual - 18), atol=0.3)
  np.testing.assert_allclose(
    mean[:, 2], [sure for sure, _ in wild_traits.SURE], atol=0.1
  )


def test_joints_wander_as_far_as_the_traits_say():
  found = _found(_standing())
  deviation = found[..., :2].std(0) / HEIGHT
  wanted = np.array(wild_traits.WANDERS)
  wanted[0] *= 1.3
  # The hips' own fault moves them too.
  others = [joint for joint in range(17) if joint not in (11, 12)]
  np.testing.assert_allclose(deviation[others], wanted[others], rtol=0.3)
  steps = np.diff(found[:, 9, 0])
  stays = 1 - steps.var() / (2 * found[:, 9, 0].var())
  np.testing.assert_allclose(stays, wild_traits.STAYS, atol=0.02)


def test_missing_joints_stay_missing_and_change_no_other():
  keypoints = _standing()[:50]
  keypoints[:, 5] = 0
  found = _found(keypoints)
  assert not found[:, 5].any()
  # The other shoulder would go halfway to the top of the picture.
  assert abs(found[:, 6, 1].mean() - keypoints[0, 6, 1]) < 2
