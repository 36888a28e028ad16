"""From people in frames to walks: silhouettes and joints of the same frames."""

import collections
import dataclasses

import numpy as np

from gaitgs_jax.input.pretreatment import pretreat_frame
from gaitgs_jax.video import boxes
from gaitgs_jax.video.watching import Seen


@dataclasses.dataclass
class Walk:
  """One person.

  Attributes:
    number: of the person, 1, 2, ...
    frames: numbers of the frames that are used, rising.
    silhouettes: uint8 [size,size] of each, pretreated as published.
    keypoints: float32 [17,3] of each, in the video's pixels; none without a
      network that finds them.
    heights: of the person in each, in pixels.
    areas: of the person in each, as shares of the height's square.
    dropped: frames that are not used, by `watching.FAULTS`.
    first: frame in which the person was first seen.
    last: frame in which the person was last seen.
  """

  number: int
  frames: list[int] = dataclasses.field(default_factory=list)
  silhouettes: list[np.ndarray] = dataclasses.field(default_factory=list)
  keypoints: list[np.ndarray] = dataclasses.field(default_factory=list)
  heights: list[float] = dataclasses.field(default_factory=list)
  areas: list[float] = dataclasses.field(default_factory=list)
  dropped: collections.Counter[str] = dataclasses.field(
    default_factory=collections.Counter
  )
  first: int = 0
  last: int = 0


class Walks:
  """Collects the walks of everybody in a video.

  Args:
    width: of a frame in pixels.
    size: of the silhouettes.
  """

  def __init__(self, width: int, size: int = 64):
    self._width, self._size = width, size
    self._walks: dict[int, Walk] = {}

  def add(self, frame: int, seen: list[Seen]) -> None:
    """Adds the people of a frame, given its number."""
    for one in seen:
      walk = self._walks.get(one.number)
      if walk is None:
        walk = self._walks[one.number] = Walk(one.number, first=frame)
      walk.last = frame
      fault = one.fault or self._use(walk, frame, one)
      if fault:
        walk.dropped[fault] += 1

  def _use(self, walk: Walk, frame: int, one: Seen) -> str:
    """Adds a good frame to a walk; returns why it cannot be used, or ''."""
    box = boxes.of_mask(one.mask)
    top, bottom = int(box[1]), int(box[3])
    # The published tool scales pictures, so that a frame keeps its width.
    strip = np.zeros((bottom - top, self._width), np.uint8)
    right = one.left + one.mask.shape[1]
    strip[:, one.left : right] = np.where(one.mask[top:bottom], 255, 0)
    silhouette = pretreat_frame(strip, self._size)
    if silhouette is None:
      return 'small'
    walk.frames.append(frame)
    walk.silhouettes.append(silhouette)
    walk.heights.append(float(bottom - top))
    walk.areas.append(np.count_nonzero(one.mask) / (bottom - top) ** 2)
    if one.keypoints is not None:
      walk.keypoints.append(one.keypoints)
    return ''

  def all(self) -> list[Walk]:
    """Returns the walks by number, those without a good frame included."""
    return [self._walks[number] for number in sorted(self._walks)]
