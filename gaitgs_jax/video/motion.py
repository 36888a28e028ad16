"""Finds what moves before a fixed camera: OpenCV's MOG2."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from gaitgs_jax.video.found import Found, components, of_patches

# As sure as a region that moves is a person.
SCORE = 0.5
# What MOG2 calls a pixel that moves; shadows have another value.
_MOVES = 255
# Frames from which the background is learnt, and of a camera those that pass
# before anything is found.
_HISTORY, _FIRST = 200, 25
# Squared distance from the background, in variances, from which a pixel moves.
_THRESHOLD = 25.0
_BACKGROUND = 0.6
# Learning rates: the mean of all frames, and once the background is known.
_AS_ARRIVED, _RATE = -1.0, 0.002


class Motion:
  """A detector of regions that move.

  Args:
    height: of a person in pixels, at least.
    first: frames that are shown beforehand, to learn the background.
  """

  def __init__(self, height: int, first: Iterable[np.ndarray] = ()):
    import cv2

    self._least = (
      height * height // 8
    )  # A person is four times as high as wide.
    self._mog: Any = cv2.createBackgroundSubtractorMOG2(
      _HISTORY, _THRESHOLD, detectShadows=True
    )
    self._shown = 0
    # What is there for less of the time is no background.
    self._mog.setBackgroundRatio(_BACKGROUND)
    for frame in first:
      self._foreground(frame, _AS_ARRIVED)

  def _foreground(self, frame: np.ndarray, rate: float) -> np.ndarray:
    import cv2

    self._shown += 1
    soft = cv2.GaussianBlur(frame, (3, 3), 0)
    mask = self._mog.apply(soft, learningRate=rate)
    opened = cv2.morphologyEx(
      (mask == _MOVES).astype(np.uint8),
      cv2.MORPH_OPEN,
      np.ones((2, 2), np.uint8),
    )
    return opened.astype(bool)

  def __call__(self, frame: np.ndarray) -> Found:
    """Returns what moves in a frame uint8 [h,w,3], with masks."""
    learnt = self._shown >= _FIRST
    mask = self._foreground(frame, _RATE if learnt else _AS_ARRIVED)
    if not learnt:
      return of_patches([], SCORE)
    # Legs are thin: parts above one another are one person.
    patches = components(mask, self._least, heal=(9, 3))
    upright = [
      patch
      for patch in patches
      if patch.values.shape[0] >= 0.8 * patch.values.shape[1]
    ]
    return of_patches(upright, SCORE)
