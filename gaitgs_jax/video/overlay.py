"""Draws who was found where, as a video to check by eye."""

import colorsys
import itertools
import pathlib
from typing import Any

import numpy as np

from gaitgs_jax.skeletons import SKELETONS
from gaitgs_jax.video.watching import Seen

NAME = 'overlay.mp4'
_LONGEST = 1280
_FAULTY = (70, 70, 255)
# Of a picture of so many rows letters are of OpenCV's size 1.
_LETTERS = 1000
# Joints of less confidence are not drawn.
_SURE = 0.5
# Neighbours get colours that are far from one another, and none is red.
_TURN = 0.381966


def colour(number: int) -> tuple[int, int, int]:
  """Returns a person's colour, blue first."""
  red, green, blue = colorsys.hsv_to_rgb(
    0.1 + 0.8 * (number * _TURN % 1), 0.8, 1.0
  )
  return round(255 * blue), round(255 * green), round(255 * red)


def draw(frame: np.ndarray, seen: list[Seen]) -> np.ndarray:
  """Returns a frame uint8 [h,w,3] with masks, joints and numbers.

  What is not used is red and says why.
  """
  import cv2

  picture = frame.copy()
  for one in seen:
    shade = _FAULTY if one.fault else colour(one.number)
    height, width = one.mask.shape
    part = picture[one.top : one.top + height, one.left : one.left + width]
    part[one.mask] = (part[one.mask] // 2 + np.array(shade) // 2).astype('u1')
    if one.keypoints is not None and not one.fault:
      _draw_joints(picture, one.keypoints)
    left, top, right, bottom = (int(side) for side in one.box)
    cv2.rectangle(picture, (left, top), (right, bottom), shade, 1)
    text = f'{one.number} {one.fault}'.strip()
    place = (max(left, 2), max(top - 4, 12))
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, max(len(frame) / _LETTERS, 0.4)
    for ink, width in (((0, 0, 0), 3), (shade, 1)):
      thick = max(round(width * scale), 1)
      cv2.putText(picture, text, place, font, scale, ink, thick, cv2.LINE_AA)
  return picture


def _draw_joints(picture: np.ndarray, keypoints: np.ndarray) -> None:
  import cv2

  places = [(round(float(x)), round(float(y))) for x, y, _ in keypoints]
  sure = keypoints[:, 2] >= _SURE
  for a, b in SKELETONS['coco17'].edges:
    if sure[a] and sure[b]:
      cv2.line(picture, places[a], places[b], (255, 255, 255), 1, cv2.LINE_AA)
  for place in itertools.compress(places, sure):
    cv2.circle(picture, place, 1, (0, 255, 255), -1, cv2.LINE_AA)


class Writer:
  """Writes a video; a context.

  Args:
    path: of the file.
    size: (height, width) of the frames; larger ones are scaled down.
    rate: frames per second.

  Raises:
    OSError: it cannot be written.
  """

  def __init__(self, path: pathlib.Path, size: tuple[int, int], rate: float):
    import cv2

    scale = min(1.0, _LONGEST / max(size))
    # The codec wants even numbers.
    self._size = tuple(max(round(side * scale) // 2 * 2, 2) for side in size)
    self._path, self._count = path, 0
    code = cv2.VideoWriter.fourcc(*'mp4v')
    self._writer: Any = cv2.VideoWriter(
      str(path), cv2.CAP_FFMPEG, code, rate, self._size[::-1]
    )
    if not self._writer.isOpened():
      raise OSError(f'{NAME} cannot be written')

  def __enter__(self) -> 'Writer':
    return self

  def __exit__(self, kind: type | None, *_: object) -> None:
    self._writer.release()
    if kind is None:
      self._check()

  def add(self, frame: np.ndarray) -> None:
    """Adds a frame uint8 [h,w,3]."""
    import cv2

    if frame.shape[:2] != self._size:
      frame = cv2.resize(frame, self._size[::-1], interpolation=cv2.INTER_AREA)
    self._writer.write(frame)
    self._count += 1

  def _check(self) -> None:
    """Raises OSError unless the file is whole: OpenCV reports nothing."""
    import cv2

    video = cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG)
    count = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
    video.release()
    if count != self._count:
      raise OSError(f'{NAME} is cut short; is the disk full?')
