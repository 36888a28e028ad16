"""What is found in a frame: people, and what each of them covers."""

import dataclasses
from collections.abc import Callable

import numpy as np

from gaitgs_jax.video import boxes


@dataclasses.dataclass(frozen=True)
class Patch:
  """A mask of a part of a frame.

  Attributes:
    values: float32 [h,w], how surely a pixel is the person's, 0 to 1.
    top: row of the frame where it begins.
    left: column of the frame where it begins.
  """

  values: np.ndarray
  top: int
  left: int

  @property
  def box(self) -> np.ndarray:
    """The box [4] of the whole patch."""
    height, width = self.values.shape
    return np.array(
      [self.left, self.top, self.left + width, self.top + height], np.float64
    )

  def seen_from(self, other: 'Patch') -> tuple[slice, slice]:
    """Returns the rows and columns of this patch that lie in another."""
    box = other.box - [self.left, self.top, self.left, self.top]
    return boxes.clipped(box, (len(self.values), self.values.shape[1]))


@dataclasses.dataclass(frozen=True)
class Found:
  """People that a detector found in a frame.

  Attributes:
    boxes: [n,4].
    scores: [n], 0 to 1.
    masks: of each, where the detector knows them.
  """

  boxes: np.ndarray
  scores: np.ndarray
  masks: tuple[Patch, ...] = ()


# From a frame uint8 [h,w,3], blue first, to the people in it; called once for
# each frame, in order.
Detector = Callable[[np.ndarray], Found]


def joined(first: Found, second: Found, most: float) -> Found:
  """Adds the people of a second detector that the first did not find.

  Args:
    first: of one that is trusted more, without masks.
    second: of another.
    most: share of a box that those of `first` may cover.
  """
  shared = np.maximum(
    boxes.covered(second.boxes, first.boxes).max(1, initial=0),
    boxes.covered(first.boxes, second.boxes).max(0, initial=0),
  )
  new = shared <= most
  return Found(
    np.concatenate([first.boxes, second.boxes[new]]),
    np.concatenate([first.scores, second.scores[new]]),
  )


def components(
  mask: np.ndarray, least: int, *, heal: tuple[int, int] = (1, 1)
) -> list[Patch]:
  """Returns the connected regions of a mask [h,w] of bool, the largest first.

  Args:
    mask: of several people.
    least: pixels that a region must have.
    heal: rows and columns between which parts count as connected.
  """
  import cv2

  image = mask.astype(np.uint8)
  whole = cv2.morphologyEx(image, cv2.MORPH_CLOSE, np.ones(heal, np.uint8))
  _, labels, stats, _ = cv2.connectedComponentsWithStats(whole, connectivity=8)
  patches = []
  for label in (1 + np.argsort(-stats[1:, cv2.CC_STAT_AREA])).tolist():
    left, top, width, height = stats[label, :4].tolist()
    part = np.s_[top : top + height, left : left + width]
    inside = (labels[part] == label) & (image[part] > 0)
    if np.count_nonzero(inside) >= least:
      patches.append(Patch(inside.astype(np.float32), top, left))
  return patches


def of_patches(patches: list[Patch], score: float) -> Found:
  """Returns people whose masks are known."""
  found = [patch.box for patch in patches]
  return Found(
    np.stack(found) if found else boxes.empty(),
    np.full(len(found), score),
    tuple(patches),
  )
