"""Boxes around people: float64 [n,4] of left, top, right and bottom in pixels.

Right and bottom are the first column and row behind the box.
"""

import numpy as np


def empty() -> np.ndarray:
  """Returns no boxes, [0,4]."""
  return np.zeros((0, 4))


def areas(boxes: np.ndarray) -> np.ndarray:
  """Returns the areas [n] of boxes [n,4]."""
  return np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), 1)


def intersections(first: np.ndarray, second: np.ndarray) -> np.ndarray:
  """Returns the area [n,m] that each of n boxes shares with each of m."""
  corner = np.maximum(first[:, None, :2], second[None, :, :2])
  other = np.minimum(first[:, None, 2:], second[None, :, 2:])
  return np.prod(np.maximum(other - corner, 0), 2)


def overlaps(first: np.ndarray, second: np.ndarray) -> np.ndarray:
  """Returns intersection over union [n,m] of boxes [n,4] and [m,4]."""
  shared = intersections(first, second)
  union = areas(first)[:, None] + areas(second)[None] - shared
  return shared / np.maximum(union, 1e-9)


def covered(first: np.ndarray, second: np.ndarray) -> np.ndarray:
  """Returns the share [n,m] of each of n boxes that each of m covers."""
  shared = intersections(first, second)
  return shared / np.maximum(areas(first)[:, None], 1e-9)


def suppress(boxes: np.ndarray, scores: np.ndarray, most: float) -> np.ndarray:
  """Returns which boxes stay, the best first: non-maximum suppression.

  Args:
    boxes: [n,4].
    scores: [n]; of two that overlap the better one stays.
    most: largest overlap that two boxes which stay may have.

  Returns:
    int64 [k] rows of `boxes`.
  """
  order = np.argsort(-scores, kind='stable')
  shared = overlaps(boxes, boxes)
  kept: list[int] = []
  for row in order.tolist():
    if not kept or shared[row, kept].max() <= most:
      kept.append(row)
  return np.array(kept, np.int64)


def of_mask(mask: np.ndarray) -> np.ndarray:
  """Returns the box [4] around the pixels of a mask [h,w] with some."""
  rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
  return np.array(
    [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float64
  )


def clipped(box: np.ndarray, size: tuple[int, int]) -> tuple[slice, slice]:
  """Returns the rows and columns of a picture (h, w) that a box [4] touches."""
  height, width = size
  left, top = np.floor(box[:2]).astype(int)
  right, bottom = np.ceil(box[2:]).astype(int)
  return (
    slice(max(top, 0), max(min(bottom, height), 0)),
    slice(max(left, 0), max(min(right, width), 0)),
  )
