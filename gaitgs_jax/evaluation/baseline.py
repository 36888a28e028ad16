"""The oldest gait feature, as a baseline that needs no training."""

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
