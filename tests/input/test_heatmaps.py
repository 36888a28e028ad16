"""Heat maps of skeletons against those of OpenGait's pretreatment."""

import golden_numbers
import numpy as np
import pytest

from gaitgs_jax.input import heatmaps

FORMS = {'coco': 'coco17', 'missing': 'coco17', 'coco18': 'openpose18'}


@pytest.fixture(scope='module')
def golden():
  return golden_numbers.load('heatmap')


@pytest.mark.parametrize('form', FORMS)
def test_every_step_is_the_published_one(golden, form):
  joints = heatmaps.to_coco17(golden[f'{form}_raw'], FORMS[form])
  np.testing.assert_array_equal(joints, golden[f'{form}_coco17'])
  filled = heatmaps.filled(joints)
  np.testing.assert_allclose(filled, golden[f'{form}_padded'], rtol=1e-4)
  placed = heatmaps.placed(filled)
  np.testing.assert_allclose(
    placed, golden[f'{form}_normed'], rtol=1e-4, atol=1e-3
  )
  for kind, draw in (('bone', heatmaps.limbs), ('joint', heatmaps.joints)):
    drawn = np.stack([draw(frame) for frame in placed])
    np.testing.assert_allclose(
      drawn[:3], golden[f'{form}_{kind}_max'], rtol=0, atol=1e-4
    )
    grey = heatmaps.grey(drawn)
    _check_grey(grey, golden[f'{form}_{kind}_img128'][:, 0], 1)
    small = np.stack([heatmaps.cut(image) for image in grey])
    _check_grey(small, golden[f'{form}_{kind}_img64'][:, 0], 2)


@pytest.mark.parametrize('form', FORMS)
def test_a_sequence_is_the_published_one(golden, form):
  found = heatmaps.of_keypoints(golden[f'{form}_raw'], FORMS[form])
  assert found.dtype == np.uint8
  right = np.moveaxis(golden[f'{form}_final'], 1, -1)
  _check_grey(found, right, 2)


def _check_grey(found, right, most):
  difference = abs(found.astype(int) - right)
  assert difference.max() <= most
  assert np.mean(difference > 0) < 0.05


def test_without_a_body_a_frame_is_blank(golden):
  keypoints = golden['coco_raw'].copy()
  keypoints[3] = 0
  keypoints[..., 2][3] = 0
  keypoints[5, :, 1] = 7.0
  found = heatmaps.of_keypoints(keypoints, 'coco17')
  shown = found.any(axis=(1, 2, 3))
  assert not shown[[3, 5]].any() and shown.sum() == len(found) - 2
  assert not heatmaps.of_keypoints(np.zeros((2, 17, 3)), 'coco17').any()


def test_a_coordinate_missing_in_every_frame_leaves_all_as_they_are():
  keypoints = np.random.default_rng(0).uniform(1, 2, (5, 17, 3))
  keypoints[0, 3, 0] = 0
  assert heatmaps.filled(keypoints)[0, 3, 0] > 0
  keypoints[:, 4, 1] = 0
  np.testing.assert_array_equal(heatmaps.filled(keypoints), keypoints)
