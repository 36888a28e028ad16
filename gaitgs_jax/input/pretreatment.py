"""Raw silhouettes to the small, centred frames that the networks read.

This is the pretreatment that GaitSet published with
https://arxiv.org/abs/1811.06186 and that the field has used since; its figures
are kept, for the published accuracies rest on them.
"""

from collections.abc import Callable, Iterable
from typing import Literal

import numpy as np

from gaitgs_jax.errors import BadValue

# How raw images become frames. The published pretreatment is 'cut'; CCPG's
# scales by 'area' and drops no frame for showing little; 'labels' is that of
# label maps. Silhouettes that are released aligned are taken 'as_is' or scaled.
Way = Literal['cut', 'area', 'labels', 'as_is', 'linear', 'cubic']

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
  way: Way = 'cut',
) -> np.ndarray:
  """Returns one sequence, cut, scaled and centred on the person.

  Args:
    frames: raw silhouettes, uint8 [s, H, W] or any iterable of [H, W], of 0
      and 255.
    size: height and width of the result in pixels; published: 64 and 128.
    kept: where to add the numbers of the frames that the result has.
    way: how; frames [H, W] are labels of body parts where it is 'labels'.

  Returns:
    uint8 [k, size, size] with k <= s: frames that show nobody are dropped.

  Raises:
    ValueError: `size` is not a positive even number, or a frame is not a uint8
      image.
    BadValue: a frame that is taken as it is has another size.
  """
  if size < 2 or size % 2:
    raise ValueError(f'size is {size}; it must be a positive even number')
  treat = _TREATMENTS[way]
  treated = [
    (number, done)
    for number, frame in enumerate(frames)
    if (done := treat(frame, size)) is not None
  ]
  if kept is not None:
    kept += [number for number, _ in treated]
  if not treated:
    return np.zeros((0, size, size), np.uint8)
  return np.stack([frame for _, frame in treated])


def pretreat_frame(frame: np.ndarray, size: int) -> np.ndarray | None:
  """Returns one frame uint8 [size, size], or None where it shows nobody."""
  import cv2

  _check(frame)
  if is_blank(frame):
    return None
  return _cut(frame, size, cv2.INTER_CUBIC)


def _by_area(frame: np.ndarray, size: int) -> np.ndarray | None:
  import cv2

  _check(frame)
  return _cut(frame, size, cv2.INTER_AREA, centre_may_be_0=True)


def _labels(frame: np.ndarray, size: int) -> np.ndarray | None:
  """Returns label maps cut and centred by what is not background."""
  import cv2

  _check(frame)
  if is_blank(np.where(frame, 255, 0).astype(np.uint8)):
    return None
  return _cut(frame, size, cv2.INTER_NEAREST)


def _check(frame: np.ndarray) -> None:
  if frame.ndim != 2 or frame.dtype != np.uint8:
    raise ValueError(
      f'a frame is {frame.dtype} {list(frame.shape)}; a silhouette is a uint8'
      ' image [height, width]'
    )


def _cut(
  frame: np.ndarray,
  size: int,
  interpolation: int,
  *,
  centre_may_be_0: bool = False,
) -> np.ndarray | None:
  import cv2

  rows = np.flatnonzero(_sums(frame, 1))
  if not len(rows):
    return None
  person = frame[rows[0] : rows[-1] + 1]
  height, width = person.shape
  scaled_width = size * width // height
  if scaled_width == 0:
    return None
  # With only the rows cut, one scale for both axes keeps the person's build.
  scaled = cv2.resize(person, (scaled_width, size), interpolation=interpolation)
  # Labels have no mass but that of the area.
  is_labels = interpolation == cv2.INTER_NEAREST
  mass = _sums((scaled > 0).astype(np.uint8) if is_labels else scaled, 0)
  mass = mass.cumsum()
  centre = int(np.argmax(2 * mass > mass[-1]))
  # The published tool takes a centre in column 0 for none at all.
  if centre == 0 and not centre_may_be_0:
    return None
  first = centre - size // 2
  kept = scaled[:, max(first, 0) : first + size]
  result = np.zeros((size, size), np.uint8)
  left = max(-first, 0)
  result[:, left : left + kept.shape[1]] = kept
  return result


def _as_is(frame: np.ndarray, size: int) -> np.ndarray:
  _check(frame)
  if frame.shape != (size, size):
    height, width = frame.shape
    hint = f'; take the variant {height}' if height == width else ''
    raise BadValue(
      f'its images are {height}x{width}, not {size}x{size}, and are taken as'
      f' they are{hint}'
    )
  return frame


def _linear(frame: np.ndarray, size: int) -> np.ndarray:
  import cv2

  _check(frame)
  if frame.shape == (size, size):
    return frame
  return cv2.resize(frame, (size, size), interpolation=cv2.INTER_LINEAR)


def _cubic(frame: np.ndarray, size: int) -> np.ndarray:
  import cv2

  _check(frame)
  return cv2.resize(frame, (size, size), interpolation=cv2.INTER_CUBIC)


_TREATMENTS: dict[Way, Callable[[np.ndarray, int], np.ndarray | None]] = {
  'cut': pretreat_frame,
  'area': _by_area,
  'labels': _labels,
  'as_is': _as_is,
  'linear': _linear,
  'cubic': _cubic,
}
