import numpy as np
import pytest

from gaitgs_jax.evaluation.baseline import gait_energy_image


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
