"""The mask and the joints of one person, by BlazePose's landmark network.

The network sees a square around the person. Of its 33 landmarks 17 are COCO's.
"""

import dataclasses
import pathlib

import numpy as np

from gaitgs_jax.video import boxes
from gaitgs_jax.video.found import Patch
from gaitgs_jax.video.interpreter import Network

_SIDE = 256
# Side of the square over the longer side of the person's box.
_ROOM = 1.25
# Landmarks: 33 and 6 helpers, of x, y, z, visibility and presence.
_LANDMARKS, _NUMBERS = 39, 5
# Of each COCO joint its landmark: nose, eyes, ears, shoulders, elbows, wrists,
# hips, knees, ankles.
COCO = (0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28)


@dataclasses.dataclass(frozen=True)
class Pose:
  """One person in one frame.

  Attributes:
    mask: how surely a pixel is the person's.
    keypoints: float32 [17,3]: x and y in the frame's pixels, confidence.
    presence: how surely there is a person, 0 to 1.
  """

  mask: Patch
  keypoints: np.ndarray
  presence: float


@dataclasses.dataclass
class Poses:
  """Finds the pose of a person in a box; of `load`."""

  network: Network

  def __call__(self, frame: np.ndarray, box: np.ndarray) -> Pose:
    """Returns the pose of the person in a box [4] of a frame uint8 [h,w,3]."""
    import cv2

    move = square(box)
    crop = cv2.warpAffine(
      frame, move, (_SIDE, _SIDE), borderMode=cv2.BORDER_REPLICATE
    )
    found = self.network(crop[..., ::-1].astype(np.float32) / 255)
    return Pose(
      placed(found['mask'][..., 0], move, frame.shape[:2]),
      coco(found['landmarks'].reshape(_LANDMARKS, _NUMBERS), move),
      float(found['presence'][0]),
    )


def load(path: pathlib.Path, threads: int = 0) -> Poses:
  """Loads the network.

  Raises:
    UserError: the file is not the network.
  """
  outputs = {
    'landmarks': (1, _LANDMARKS * _NUMBERS),
    'presence': (1, 1),
    'mask': (1, _SIDE, _SIDE, 1),
  }
  return Poses(Network(path, outputs, threads))


def square(box: np.ndarray) -> np.ndarray:
  """Returns what moves a square around a box [4] to the network's, [2,3]."""
  x, y = (box[:2] + box[2:]) / 2
  side = max(float((box[2:] - box[:2]).max()), 1.0) * _ROOM
  scale = _SIDE / side
  return np.array(
    [
      [scale, 0.0, _SIDE / 2 - scale * x],
      [0.0, scale, _SIDE / 2 - scale * y],
    ]
  )


def placed(mask: np.ndarray, move: np.ndarray, size: tuple[int, int]) -> Patch:
  """Returns a mask of the network's square as one of the frame.

  Args:
    mask: float32 [256,256].
    move: of `square`.
    size: (height, width) of the frame.
  """
  import cv2

  scale = move[0, 0]
  corner = -move[:, 2] / scale
  box = np.concatenate([corner, corner + _SIDE / scale])
  rows, columns = boxes.clipped(box, size)
  shape = max(columns.stop - columns.start, 0), max(rows.stop - rows.start, 0)
  if not min(shape):
    return Patch(np.zeros((0, 0), np.float32), rows.start, columns.start)
  # `move` for pixels that are counted from the patch's corner.
  start = np.array([columns.start, rows.start])
  inverse = np.column_stack([move[:, :2], move[:, :2] @ start + move[:, 2]])
  values = cv2.warpAffine(
    mask,
    inverse,
    shape,
    flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
  )
  return Patch(values, rows.start, columns.start)


def coco(landmarks: np.ndarray, move: np.ndarray) -> np.ndarray:
  """Returns COCO's joints float32 [17,3] in the frame of landmarks [39,5].

  The confidence is how surely a joint is in the picture and not hidden.
  """
  some = landmarks[list(COCO)].astype(np.float64)
  places = (some[:, :2] - move[:, 2]) / move[0, 0]
  logits = np.clip(some[:, 3:].min(1, keepdims=True), -50, 50)
  sure = 1 / (1 + np.exp(-logits))
  return np.concatenate([places, sure], 1).astype(np.float32)
