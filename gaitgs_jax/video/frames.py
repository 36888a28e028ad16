"""Frames of a video file, of a folder of images, or of a camera."""

import pathlib
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from gaitgs_jax import files, local
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import untrusted

_IMAGES = ('.png', '.jpg', '.jpeg', '.bmp')
_VIDEOS = (
  *('.mp4', '.avi', '.mov', '.mkv', '.webm', '.m4v', '.mpg', '.mpeg'),
  *('.wmv', '.flv', '.3gp', '.ts', '.mts', '.ogv'),
)
# What a file may claim about itself.
_MOST_RATE = 1000.0


class Source:
  """Frames in order.

  Attributes:
    title: for messages.
    stem: for names of what is made of it.
    rate: frames per second, 0 where nobody knows.
    size: (height, width) of every frame.
    total: how many frames there are, 0 where nobody knows.
    is_live: whether they pass once only, as a camera's.
  """

  title: str
  stem: str
  rate: float = 0.0
  size: tuple[int, int]
  total: int = 0
  is_live = False

  def frames(self) -> Iterator[np.ndarray]:
    """Yields uint8 [h,w,3], blue first; from the start each time.

    Raises:
      UserError: a frame cannot be read.
    """
    raise NotImplementedError


def is_video(given: str) -> bool:
  """Returns whether a path looks like a video file's."""
  return given.lower().endswith(_VIDEOS)


def open_source(given: str, rate: float = 0.0) -> Source:
  """Opens a video, a folder of images, or a camera.

  Args:
    given: a file, a folder, or a camera's number.
    rate: frames per second, where it is known better than the file does.

  Raises:
    UserError: there is no such source, it is not a video, or has no frames.
  """
  if re.fullmatch(r'\d{1,3}', given) and not pathlib.Path(given).exists():
    source: Source = _Camera(int(given))
  elif local.path(given).is_dir():
    source = _Folder(local.path(given))
  else:
    source = _File(local.path(given))
  source.rate = rate or source.rate
  return source


class _File(Source):
  """A video file."""

  def __init__(self, path: pathlib.Path):
    import cv2

    try:
      files.check_regular(path)
    except OSError as error:
      raise UserError(f'{path}: {error.strerror or error}') from error
    self._path = path
    self.title, self.stem = str(path), path.stem
    video = self._open()
    self.rate = _plausible(video.get(cv2.CAP_PROP_FPS))
    self.total = max(int(video.get(cv2.CAP_PROP_FRAME_COUNT)), 0)
    shown, frame = video.read()
    video.release()
    if not shown:
      raise UserError(f'{path}: no frame of it can be read; is it whole?')
    self.size = frame.shape[:2]

  def _open(self) -> Any:
    import cv2

    video = cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG)
    if not video.isOpened():
      raise UserError(
        f'{self._path}: is not a video that can be read; pass a video file, a'
        ' folder of images, or the number of a camera'
      )
    return video

  def frames(self) -> Iterator[np.ndarray]:
    """Yields the frames up to the first that cannot be read."""
    yield from _read(self._open())


class _Camera(Source):
  """A camera of this machine."""

  is_live = True

  def __init__(self, number: int):
    import cv2

    self.title, self.stem = f'camera {number}', f'camera{number}'
    self._video = cv2.VideoCapture(number)
    shown, frame = self._video.read()
    if not shown:
      raise UserError(f'camera {number}: gives no picture; is there one?')
    self.rate = _plausible(self._video.get(cv2.CAP_PROP_FPS))
    self.size = frame.shape[:2]

  def frames(self) -> Iterator[np.ndarray]:
    """Yields frames until the camera has no more."""
    yield from _read(self._video)


class _Folder(Source):
  """A folder of images of one size, in the order of the numbers in names."""

  def __init__(self, path: pathlib.Path):
    self.title, self.stem = str(path), path.name
    self._paths = image_paths(path)
    self.total = len(self._paths)
    self.size = _read_image(self._paths[0]).shape[:2]

  def frames(self) -> Iterator[np.ndarray]:
    """Yields the images."""
    for path in self._paths:
      frame = _read_image(path)
      if frame.shape[:2] != self.size:
        raise UserError(
          f'{path}: is {frame.shape[1]}x{frame.shape[0]}, but the first image'
          f' is {self.size[1]}x{self.size[0]}; give frames of one size'
        )
      yield frame


def _read(video: Any) -> Iterator[np.ndarray]:
  """Yields the frames of a cv2.VideoCapture, and closes it."""
  try:
    while True:
      shown, frame = video.read()
      if not shown:
        return
      yield frame
  finally:
    video.release()


def image_paths(folder: pathlib.Path) -> list[pathlib.Path]:
  """Returns the images of a folder in the order of their numbers.

  Raises:
    UserError: there are none.
  """
  names = [
    entry.name
    for entry in untrusted.entries(folder)
    if entry.name.lower().endswith(_IMAGES)
  ]
  if not names:
    raise UserError(f'{folder}: holds no frames, {", ".join(_IMAGES)}')
  return [folder / name for name in untrusted.in_order(names)]


def _read_image(path: pathlib.Path) -> np.ndarray:
  import cv2

  try:
    data = untrusted.read(path)
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
  except OSError as error:
    raise UserError(f'{path}: {error.strerror or error}') from error
  except cv2.error:  # It is empty, or claims to be larger than any frame.
    image = None
  if image is None:
    raise UserError(f'{path}: is not an image, or is damaged')
  return image


def _plausible(rate: float) -> float:
  return rate if 0 < rate <= _MOST_RATE else 0.0
