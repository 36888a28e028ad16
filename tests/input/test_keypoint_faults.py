import re

import numpy as np
import pytest
import walker_trees

from gaitgs_jax import skeletons
from gaitgs_jax.input import keypoint_faults
from gaitgs_jax.synthetic import CONDITIONS, VIEWS, walk_keypoints

WALK = walk_keypoints(0, 0, 'nm-01', '072', frames=24)
# Where Human3.6M keeps the joints that COCO has too, hip and spine first.
OTHER_ORDER = [11, 12, 14, 16, 11, 13, 15, 5, 6, 0, 1, 5, 7, 9, 6, 8, 10]


@pytest.mark.parametrize('view', VIEWS)
def test_walkers_of_every_view_and_condition_are_good(view):
  for subject, condition in enumerate(CONDITIONS):
    walk = walk_keypoints(0, subject, condition, view, frames=24)
    assert not keypoint_faults.fault(walk, 'coco17')
    assert not keypoint_faults.fault(walk)
    other = walker_trees.openpose(walk)
    assert not keypoint_faults.fault(other, 'openpose18')


@pytest.mark.parametrize(
  ('walk', 'message'),
  [
    (WALK[:0], 'empty'),
    (WALK[:4], 'too short: 4 frames, 5 are the least'),
    (0 * WALK, 'blank: no joint is found in its 24 frames'),
    (WALK / (320, 240, 1), 'not pixels: .* from 0.* normalised'),
    (WALK / (160, 120, 1) - (1, 1, 0), 'not pixels: .* from -'),
    (WALK * (1, 1, 100), 'not x, y, confidence: .* runs from'),
    (WALK[:, ::-1], 'wrong order or upside down: .* pixels below'),
    (WALK * (1, -1, 1) + (0, 240, 0), 'upside down: nose|_e.* below .*_ankle'),
    (WALK[:, OTHER_ORDER], 'wrong order .*: right_shoulder lies .* below'),
    (np.where(WALK[3, 2, 0] == WALK, np.nan, WALK), 'not finite: right_eye of'),
    (np.where(WALK[3, 2, 0] == WALK, np.inf, WALK), r'frame 3 is \[inf'),
    (WALK[:, :16], r'16 joints \(coco17 17 and openpose18 18 are known\), but'),
    (walker_trees.openpose(WALK), '18 joints .*openpose18.*coco17 is expected'),
  ],
)
def test_every_fault_is_told(walk, message):
  assert re.search(message, keypoint_faults.fault(walk, 'coco17'))


def test_seventeen_joints_are_not_taken_for_openpose():
  fault = keypoint_faults.fault(WALK, 'openpose18')
  assert '17 joints (those of coco17), but openpose18 is expected' in fault


def test_openpose_in_the_order_of_coco_is_told():
  joints = skeletons.get('openpose18').joints
  mixed = np.concatenate([WALK, WALK[:, :1]], 1)
  fault = keypoint_faults.fault(mixed, 'openpose18')
  assert fault.startswith('wrong order') and any(j in fault for j in joints)


def test_single_bad_frames_and_joints_are_no_fault():
  walk = WALK.copy()
  walk[3:6] = 0  # Frames without anybody.
  walk[:, 9] = 0  # A joint that is never found.
  walk[8, :, 1] = 240 - walk[8, :, 1]  # A frame upside down.
  walk[:2, 0, 1] = 230  # A joint gone astray while others are missing.
  walk[:, :, 2] += 0.2  # A detector that is too sure.
  assert not keypoint_faults.fault(walk, 'coco17')
