import numpy as np
import pytest

from gaitgs_jax import skeletons
from gaitgs_jax.synthetic import VIEWS, walk

INDEX = {name: i for i, name in enumerate(skeletons.get('coco17').joints)}


def _distance_to_person(frame, points):
  rows, columns = np.nonzero(frame)
  spots = np.stack([columns, rows], -1)
  return np.linalg.norm(points[:, None] - spots[None], axis=-1).min(1)


@pytest.mark.parametrize('view', VIEWS[::2])
def test_keypoints_lie_in_or_near_the_silhouette(view):
  one = walk(0, 2, 'nm-01', view, frames=10)
  distances = []
  for frame, points in zip(one.silhouettes, one.keypoints, strict=True):
    found = points[points[:, 2] > 0]
    height = np.ptp(np.nonzero(frame)[0])
    distances.append(_distance_to_person(frame, found[:, :2]) / height)
  distances = np.concatenate(distances)
  assert (distances < 0.03).mean() > 0.95
  assert distances.max() < 0.15


def test_left_is_the_persons_own_left():
  names = ('shoulder', 'hip')
  for view, sign in (('000', 1), ('180', -1)):
    points = walk(0, 3, 'nm-02', view, frames=40).keypoints
    for name in names:
      left = points[:, INDEX[f'left_{name}']]
      right = points[:, INDEX[f'right_{name}']]
      seen = (left[:, 2] > 0) & (right[:, 2] > 0)
      assert (sign * (left - right)[seen, 0] > 0).mean() > 0.95


def test_joints_stand_in_the_order_of_a_body():
  points = walk(0, 1, 'nm-01', '090', frames=30).keypoints
  order = ('nose', 'left_shoulder', 'left_hip', 'left_knee', 'left_ankle')
  heights = [np.median(points[:, INDEX[name], 1]) for name in order]
  assert heights == sorted(heights)


def test_missing_joints_are_zero_and_confidence_is_a_share():
  points = np.concatenate(
    [
      walk(0, subject, 'nm-01', '090', frames=40).keypoints
      for subject in range(4)
    ]
  )
  confidence = points[..., 2]
  missing = confidence == 0
  assert 0.002 < missing.mean() < 0.2
  assert (points[missing] == 0).all()
  assert (points[~missing][:, :2] > 0).all()
  assert confidence.max() <= 1 and confidence[~missing].min() > 0


def test_hidden_joints_are_less_certain():
  back = walk(0, 0, 'nm-01', '180', frames=60).keypoints[:, INDEX['nose'], 2]
  front = walk(0, 0, 'nm-01', '000', frames=60).keypoints[:, INDEX['nose'], 2]
  assert front[front > 0].mean() > back[back > 0].mean() + 0.2
  assert (back == 0).sum() > (front == 0).sum()
