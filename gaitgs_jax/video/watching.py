"""Frame by frame: who is where, what each covers, and which frames are good."""

import dataclasses

import numpy as np

from gaitgs_jax.video import boxes
from gaitgs_jax.video.found import Detector, Found, Patch, components
from gaitgs_jax.video.poses import Poses
from gaitgs_jax.video.tracking import Limits, Tracker

# Why a frame of a person is not used, and what that is called.
FAULTS = {
  'edge': "cut by the picture's edge",
  'overlap': 'with overlapping people',
  'crop': 'with a mask that does not fit the person',
  'unsure': 'with perhaps nobody in it',
  'small': 'too small',
}
# From here a pixel is the person's, and a network is sure of a person.
_INSIDE = 0.5
# Parts smaller than this share of the largest one are specks.
_SPECK = 0.05
# A box of which a nearer person covers more than this shows too little.
_HIDDEN = 0.4
# Pixels that two people claim, as a share of one's.
_CONTESTED = 0.1
# A mask's box must overlap the detected one so much.
_FITS = 0.5
_MARGIN = 1


@dataclasses.dataclass(frozen=True)
class Seen:
  """One person in one frame.

  Attributes:
    number: of the person, 1, 2, ...
    box: [4], of the detector.
    mask: bool [h,w] of a part of the frame.
    top: row of the frame where the mask begins.
    left: column of the frame where it begins.
    keypoints: float32 [17,3] of the frame's x, y and confidence, or None.
    fault: of `FAULTS`, '' where the frame is good.
  """

  number: int
  box: np.ndarray
  mask: np.ndarray
  top: int
  left: int
  keypoints: np.ndarray | None
  fault: str

  @property
  def mask_box(self) -> np.ndarray:
    """The box [4] around the mask's pixels, of which there must be some."""
    corner = np.array([self.left, self.top])
    return boxes.of_mask(self.mask) + np.tile(corner, 2)


class Watcher:
  """Finds, tracks and cuts out people.

  Args:
    detector: of people.
    poses: finds masks and joints, or None.
    own_masks: whether masks are the detector's; without `poses` they are.
    limits: of the tracking.
    height: of a person in pixels, at least.
  """

  def __init__(
    self,
    detector: Detector,
    poses: Poses | None,
    *,
    own_masks: bool = False,
    limits: Limits | None = None,
    height: int = 40,
  ):
    self._detector, self._poses = detector, poses
    self._tracker = Tracker(limits)
    self._height = height
    self._own_masks = own_masks

  def step(self, frame: np.ndarray) -> list[Seen]:
    """Returns the people of the next frame uint8 [h,w,3], blue first."""
    found = self._detector(frame)
    numbers = self._tracker.step(found.boxes, found.scores)
    rows = np.flatnonzero(numbers)
    patches, joints, sure = self._cut(frame, found, rows)
    contested = compete(patches)
    hidden = _hidden(found.boxes[rows])
    if self._own_masks or self._poses is None:
      # A mask where two people are expected is of both.
      lost = boxes.covered(self._tracker.missing(), found.boxes[rows])
      hidden = np.maximum(
        hidden, np.where(lost > _FITS, 1, 0).max(0, initial=0)
      )
    seen = []
    for i, row in enumerate(rows.tolist()):
      mask = largest(patches[i].values > _INSIDE)
      one = Seen(
        int(numbers[row]),
        found.boxes[row],
        mask,
        patches[i].top,
        patches[i].left,
        joints[i],
        '',
      )
      fault = 'unsure' if sure[i] < _INSIDE else ''
      if hidden[i] > _HIDDEN or contested[i] > _CONTESTED:
        fault = fault or 'overlap'
      fault = fault or self._fault(one, frame.shape[:2])
      seen.append(dataclasses.replace(one, fault=fault))
    return seen

  def _cut(
    self, frame: np.ndarray, found: Found, rows: np.ndarray
  ) -> tuple[list[Patch], list[np.ndarray | None], list[float]]:
    """Returns masks, joints and how sure each is, of some of the people."""
    own = [found.masks[row] for row in rows.tolist()] if found.masks else []
    if self._poses is None:
      return own, [None] * len(rows), [1.0] * len(rows)
    poses = [self._poses(frame, found.boxes[row]) for row in rows.tolist()]
    return (
      own if self._own_masks else [each.mask for each in poses],
      [each.keypoints for each in poses],
      [each.presence for each in poses],
    )

  def _fault(self, one: Seen, size: tuple[int, int]) -> str:
    """Returns why a mask is not good, or ''."""
    if not one.mask.any():
      return 'crop'
    box = one.mask_box
    height, width = size
    inside = (box[:2] >= _MARGIN) & (
      box[2:] <= [width - _MARGIN, height - _MARGIN]
    )
    if not inside.all():
      return 'edge'
    if box[3] - box[1] < self._height:
      return 'small'
    fits = boxes.overlaps(box[None], one.box[None])[0, 0] >= _FITS
    return '' if fits else 'crop'


def compete(patches: list[Patch]) -> np.ndarray:
  """Gives each pixel that several people claim to the surest.

  Args:
    patches: of the people of a frame; the others' values become 0.

  Returns:
    [n]: pixels that others claim too, as shares of the person's.
  """
  contested = np.zeros(len(patches))
  before = [np.count_nonzero(each.values > _INSIDE) for each in patches]
  for i, first in enumerate(patches):
    for j, second in enumerate(patches[:i]):
      a = first.values[first.seen_from(second)]
      b = second.values[second.seen_from(first)]
      if not a.size:
        continue
      both = np.count_nonzero((a > _INSIDE) & (b > _INSIDE))
      contested[[i, j]] += both / np.maximum([before[i], before[j]], 1)
      wins = a > b
      a[~wins & (b > _INSIDE)] = 0
      b[wins & (a > _INSIDE)] = 0
  return contested


def largest(mask: np.ndarray) -> np.ndarray:
  """Returns a mask [h,w] of bool without specks."""
  if not mask.any():
    return mask
  parts = components(mask, 1)
  least = _SPECK * np.count_nonzero(parts[0].values)
  kept = np.zeros_like(mask)
  for part in parts:
    if np.count_nonzero(part.values) >= least:
      height, width = part.values.shape
      kept[part.top : part.top + height, part.left : part.left + width] |= (
        part.values > 0
      )
  return kept


def _hidden(found: np.ndarray) -> np.ndarray:
  """Returns the share [n] of each box that one nearer person covers.

  Who stands lower in the picture is nearer.
  """
  if not len(found):
    return np.zeros(0)
  shared = boxes.covered(found, found)
  nearer = found[None, :, 3] > found[:, None, 3]
  return np.where(nearer, shared, 0).max(1)
