"""Raw silhouettes to the small, centred frames that the networks read.

This is the pretreatment that GaitSet published with
https://arxiv.org/abs/1811.06186 and that the field has used since; its figures
are kept, for the published accuracies rest on them.
"""

from collections.abc import Iterable

import numpy as np

# A frame whose pixels sum to this much or less (about forty white pixels) shows
# nobody.
BLANK_SUM = 10_000

# The published tool warns of a sequence with fewer frames left than this.
SHORTEST = 5


def is_blank(frame: np.ndarray) -> bool:
  """Tells whether a silhouette [h, w] of 0 and 255 shows nobody."""
  return int(frame.sum()) <= BLANK_SUM


def pretreat(frames: Iterable[np.ndarray], size: int = 64) -> np.ndarray:
  """Returns one sequence, cut, scaled and centred on the person.

  Args:
    frames: raw silhouettes, uint8 [s, H, W] or any iterable of [H, W], of 0
      and 255.
    size: height and width of the result in pixels; published: 64 and 128.

  Returns:
    uint8 [k, size, size] with k <= s: frames that show nobody are dropped.

  Raises:
    ValueError: `size` is not a positive even number, or a frame is not a uint8
      image.
  """
  if size < 2 or size % 2:
    raise ValueError(f'size is {size}; it must be a positive even number')
  treated = (pretreat_frame(frame, size) for frame in frames)
  kept = [frame for frame in treated if frame is not None]
  return np.stack(kept) if kept else np.zeros((0, size, size), np.uint8)


def pretreat_frame(frame: np.ndarray, size: int) -> np.ndarray | None:
  """Returns one frame uint8 [size, size], or None where it shows nobody."""
  import cv2

  if frame.ndim != 2 or frame.dtype != np.uint8:
    raise ValueError(
      f'a frame is {frame.dtype} {list(frame.shape)}; a silhouette is a uint8'
      ' image [height, width]'
    )
  if is_blank(frame):
    return None
  rows = np.flatnonzero(frame.any(axis=1))
  person = frame[rows[0] : rows[-1] + 1]
  height, width = person.shape
  scaled_width = size * width // height
  if scaled_width == 0:
    return None
  # With only the rows cut, one scale for both axes keeps the person's build.
  scaled = cv2.resize(
    person, (scaled_width, size), interpolation=cv2.INTER_CUBIC
  )
  mass = scaled.sum(axis=0, dtype=np.int64).cumsum()
  centre = int(np.argmax(2 * mass > mass[-1]))
  # The published tool takes a centre in column 0 for none at all.
  if centre == 0:
    return None
  half = size // 2
  padded = np.pad(scaled, ((0, 0), (half, half)))
  return padded[:, centre : centre + size]
