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

# Less of a frame's mass than this is a speck, not a part of a person; one that
# adds more than this to the height is worth a note.
_STRAY, _STRETCH = 0.02, 0.05


def is_blank(frame: np.ndarray) -> bool:
  """Returns whether a silhouette [h, w] of 0 and 255 shows nobody."""
  return int(_sums(frame, 1).sum()) <= BLANK_SUM


def _sums(frame: np.ndarray, axis: int) -> np.ndarray:
  """Returns what `frame.sum(axis)` does, int64; ten times as fast."""
  import cv2

  if not frame.size:
    return frame.sum(axis=axis, dtype=np.int64)
  found = cv2.reduce(frame, axis, cv2.REDUCE_SUM, dtype=cv2.CV_32S)
  return found.reshape(-1).astype(np.int64)


def is_stretched(frame: np.ndarray) -> bool:
  """Returns whether stray pixels stretch the person of a raw frame [h, w].

  The published pretreatment scales by the first and last row that hold any
  pixel, so that a speck far above a person makes the person smaller.
  """
  mass = _sums(frame, 1)
  if mass.sum() <= BLANK_SUM:
    return False
  rows = np.flatnonzero(mass)
  height = int(rows[-1] + 1 - rows[0])
  # A head may be cut off its body by a row or two.
  gaps = np.flatnonzero(np.diff(rows) > 1 + _STRETCH * height)
  runs = np.split(rows, gaps + 1)
  person = max(runs, key=lambda run: int(mass[run].sum()))
  person_height = int(person[-1] + 1 - person[0])
  stray = mass.sum() - mass[person].sum()
  return bool(
    stray < _STRAY * mass.sum() and person_height < (1 - _STRETCH) * height
  )


def stray_note(stretched: int, total: int) -> str:
  """Returns a note if some of a sequence's frames are stretched, or ''."""
  if not stretched:
    return ''
  return (
    f'stray pixels far above or below the person stretch {stretched} of'
    f' {total} frames; keep the largest region of a mask only'
  )


def pretreat(
  frames: Iterable[np.ndarray],
  size: int = 64,
  kept: list[int] | None = None,
) -> np.ndarray:
  """Returns one sequence, cut, scaled and centred on the person.

  Args:
    frames: raw silhouettes, uint8 [s, H, W] or any iterable of [H, W], of 0
      and 255.
    size: height and width of the result in pixels; published: 64 and 128.
    kept: where to add the numbers of the frames that the result has.

  Returns:
    uint8 [k, size, size] with k <= s: frames that show nobody are dropped.

  Raises:
    ValueError: `size` is not a positive even number, or a frame is not a uint8
      image.
  """
  if size < 2 or size % 2:
    raise ValueError(f'size is {size}; it must be a positive even number')
  treated = [
    (number, done)
    for number, frame in enumerate(frames)
    if (done := pretreat_frame(frame, size)) is not None
  ]
  if kept is not None:
    kept += [number for number, _ in treated]
  if not treated:
    return np.zeros((0, size, size), np.uint8)
  return np.stack([frame for _, frame in treated])


def pretreat_frame(frame: np.ndarray, size: int) -> np.ndarray | None:
  """Returns one frame uint8 [size, size], or None where it shows nobody."""
  import cv2

  if frame.ndim != 2 or frame.dtype != np.uint8:
    raise ValueError(
      f'a frame is {frame.dtype} {list(frame.shape)}; a silhouette is a uint8'
      ' image [height, width]'
    )
  row_mass = _sums(frame, 1)
  if row_mass.sum() <= BLANK_SUM:
    return None
  rows = np.flatnonzero(row_mass)
  person = frame[rows[0] : rows[-1] + 1]
  height, width = person.shape
  scaled_width = size * width // height
  if scaled_width == 0:
    return None
  # With only the rows cut, one scale for both axes keeps the person's build.
  scaled = cv2.resize(
    person, (scaled_width, size), interpolation=cv2.INTER_CUBIC
  )
  mass = _sums(scaled, 0).cumsum()
  centre = int(np.argmax(2 * mass > mass[-1]))
  # The published tool takes a centre in column 0 for none at all.
  if centre == 0:
    return None
  first = centre - size // 2
  kept = scaled[:, max(first, 0) : first + size]
  result = np.zeros((size, size), np.uint8)
  left = max(-first, 0)
  result[:, left : left + kept.shape[1]] = kept
  return result
