"""Finds people by MoveNet MultiPose, which sees up to six in a picture.

Its input may be of any size: the larger, the smaller the people that it finds.
"""

import dataclasses
import pathlib

import numpy as np

from gaitgs_jax.video import boxes
from gaitgs_jax.video.found import Found
from gaitgs_jax.video.interpreter import Network

# People at most, and what each has: 17 joints as y, x and score, the box as
# top, left, bottom and right, all as shares of the picture, and a score.
_MOST, _NUMBERS = 6, 56
# Its sides must be multiples of this.
_STEP = 32
# Below this nothing is a person.
_LEAST = 0.1
# Larger overlaps are the same person.
_SAME = 0.6
# Two halves of a picture share this much of its width.
_SHARED = 0.2


@dataclasses.dataclass
class People:
  """A detector of people.

  Attributes:
    network: of `load`.
    detail: length of the longer side of what it is shown, in pixels.
  """

  network: Network
  detail: int

  def __call__(self, frame: np.ndarray) -> Found:
    """Returns the people of a frame uint8 [h,w,3].

    Where there are as many as the network can find, the halves of the picture
    are looked at too.
    """
    scale = self.detail / max(frame.shape[:2])
    found, scores = self._find(frame, scale)
    if len(scores) == _MOST:
      for part in _halves(frame.shape[1]):
        some, some_scores = self._find(frame[:, part], scale, part.start)
        found = np.concatenate([found, some])
        scores = np.concatenate([scores, some_scores])
      kept = boxes.suppress(found, scores, _SAME)
      found, scores = found[kept], scores[kept]
    return Found(found, scores)

  def _find(
    self, frame: np.ndarray, scale: float, left: int = 0
  ) -> tuple[np.ndarray, np.ndarray]:
    picture = fitted(frame, scale)
    people = self.network(picture)['people']
    return decoded(people, picture.shape[:2], scale, left)


def load(path: pathlib.Path, detail: int, threads: int = 0) -> People:
  """Loads the network.

  Raises:
    UserError: the file is not the network.
  """
  outputs = {'people': (1, _MOST, _NUMBERS)}
  return People(Network(path, outputs, threads), detail)


def fitted(frame: np.ndarray, scale: float) -> np.ndarray:
  """Returns a frame uint8 [h,w,3] as the network sees it.

  Returns:
    int32 [H,W,3], scaled, red first, with black to the right and below.
  """
  import cv2

  height, width = frame.shape[:2]
  size = max(round(width * scale), 1), max(round(height * scale), 1)
  method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
  small = cv2.resize(frame, size, interpolation=method)
  rows, columns = (-(-side // _STEP) * _STEP for side in small.shape[:2])
  picture = np.zeros((rows, columns, 3), np.int32)
  picture[: small.shape[0], : small.shape[1]] = small[..., ::-1]
  return picture


def decoded(
  people: np.ndarray, size: tuple[int, int], scale: float, left: int = 0
) -> tuple[np.ndarray, np.ndarray]:
  """Returns boxes [n,4] and scores [n] from the network's output.

  Args:
    people: float32 [6,56].
    size: of what the network saw.
    scale: of that to the frame.
    left: column of the frame where it began.
  """
  scores = people[:, 55].astype(np.float64)
  height, width = size[0] / scale, size[1] / scale
  corners = people[:, [52, 51, 54, 53]] * [width, height, width, height]
  corners += [left, 0, left, 0]
  kept = (scores >= _LEAST) & (boxes.areas(corners) > 0)
  corners, scores = corners[kept], scores[kept]
  rows = boxes.suppress(corners, scores, _SAME)
  return corners[rows], scores[rows]


def _halves(width: int) -> tuple[slice, slice]:
  extra = round(width * _SHARED / 2)
  return slice(0, width // 2 + extra), slice(width // 2 - extra, width)
