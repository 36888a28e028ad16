"""Features that need no training, as baselines."""

from collections.abc import Callable

import numpy as np


def gait_energy_image(frames: np.ndarray) -> np.ndarray:
  """Returns the mean silhouette of a sequence as an embedding of one part.

  Han and Bhanu, "Individual recognition using gait energy image", IEEE
  Transactions on Pattern Analysis and Machine Intelligence 28(2), 2006.

  Args:
    frames: uint8 [s, h, w], pretreated silhouettes.

  Returns:
    float32 [1, h * w], every pixel's mean over time in 0..1.

  Raises:
    ValueError: there are no frames.
  """
  if not len(frames):
    raise ValueError('a gait energy image needs at least one frame')
  mean = frames.mean(axis=0, dtype=np.float64) / 255
  return mean.reshape(1, -1).astype(np.float32)


def mean_skeleton(keypoints: np.ndarray) -> np.ndarray:
  """Returns how a skeleton stands and swings as an embedding of one part.

  Each frame is measured from the middle of its joints in units of their
  height; the mean and the standard deviation over time of every joint follow.
  Missing joints are left out.

  Args:
    keypoints: float32 [s, v, 3], pixels and confidence; a missing joint is 0.

  Returns:
    float32 [1, v * 4].

  Raises:
    ValueError: there are no frames.
  """
  if not len(keypoints):
    raise ValueError('a mean skeleton needs at least one frame')
  points = keypoints[..., :2].astype(np.float64)
  there = keypoints[..., :1] != 0
  points -= _mean(points, there, axis=1)
  height = np.sqrt(_mean(points[..., 1:] ** 2, there, axis=1))
  points /= np.maximum(height, 1e-6)
  mean = _mean(points, there, axis=0)
  swing = np.sqrt(_mean((points - mean) ** 2, there, axis=0))
  return np.concatenate([mean, swing], axis=-1).reshape(1, -1).astype('f4')


def _mean(x: np.ndarray, there: np.ndarray, axis: int) -> np.ndarray:
  count = np.maximum(there.sum(axis, keepdims=True), 1)
  return np.where(there, x, 0).sum(axis, keepdims=True) / count


# By the names that modalities give them, which label their results too.
BASELINES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
  'gait_energy': gait_energy_image,
  'mean_skeleton': mean_skeleton,
}
