import numpy as np
import pytest

from gaitgs_jax.evaluation.baseline import gait_energy_image, mean_skeleton


def test_it_is_the_mean_over_time():
  frames = np.zeros((4, 2, 3), np.uint8)
  frames[:3, 0, 1] = 255
  frames[0, 1, 2] = 51
  image = gait_energy_image(frames)
  assert image.shape == (1, 6) and image.dtype == np.float32
  np.testing.assert_allclose(image[0], [0, 0.75, 0, 0, 0, 0.05], atol=1e-7)


def test_order_and_repetition_do_not_matter():
  frames = np.random.default_rng(0).integers(0, 256, (7, 5, 4), np.uint8)
  image = gait_energy_image(frames)
  np.testing.assert_allclose(gait_energy_image(frames[::-1]), image, rtol=1e-6)
  twice = np.concatenate([frames, frames])
  np.testing.assert_allclose(gait_energy_image(twice), image, rtol=1e-6)


def test_a_sequence_without_frames_is_an_error():
  with pytest.raises(ValueError, match='at least one frame'):
    gait_energy_image(np.zeros((0, 64, 44), np.uint8))


def test_the_mean_skeleton_knows_no_place_and_no_size():
  rng = np.random.default_rng(0)
  walk = rng.uniform(50, 200, (7, 17, 3)).astype(np.float32)
  walk[2, 3] = walk[5, 0] = 0
  feature = mean_skeleton(walk)
  assert feature.shape == (1, 17 * 4) and feature.dtype == np.float32
  there = walk[..., :1] != 0
  moved = np.where(there, 2 * walk + np.float32([30, 9, 0]), 0)
  np.testing.assert_allclose(mean_skeleton(moved), feature, atol=1e-4)
  np.testing.assert_allclose(mean_skeleton(walk[::-1]), feature, atol=1e-5)
  assert np.abs(mean_skeleton(walk[:3]) - feature).max() > 0.01


def test_a_frame_without_any_joint_does_no_harm():
  walk = np.ones((3, 17, 3), np.float32)
  walk[1] = 0
  assert np.isfinite(mean_skeleton(walk)).all()
  with pytest.raises(ValueError, match='at least one frame'):
    mean_skeleton(walk[:0])
