"""Reads the images of a sequence: PNG, JPEG and BMP, whatever their names say.

OpenCV would try a dozen decoders on a file, by its first bytes. Only the three
formats in which people store masks are decoded.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from gaitgs_jax.errors import UserError
from gaitgs_jax.input import untrusted

_PNG = b'\x89PNG\r\n\x1a\n'
_STARTS = (_PNG, b'\xff\xd8\xff', b'BM')
_PNG_END = b'IEND'
# Bytes per pixel and channel of a PNG by its colour type; a palette may grow to
# four channels.
_PNG_CHANNELS = {0: 1, 2: 3, 3: 4, 4: 4, 6: 4}
# A 4K picture in 8-bit RGBA is smaller.
_MAX_DECODED = 1 << 25
# Channels that differ by less are the noise of a grey JPEG.
_COLOURLESS = 24
# Bytes of a sequence's decoded images that are kept. All of a published
# sequence fits; of others the rest is decoded again each time it is needed.
_KEPT = 1 << 26


class Frames(Protocol):
  """Images [h, w] that may be gone through several times, such as a list."""

  def __len__(self) -> int:
    """Returns how many they are."""

  def __iter__(self) -> Iterator[np.ndarray]:
    """Yields each."""


class Images:
  """The images of some files, decoded when they are asked for.

  What is kept of them is limited, so that an hour of video takes as much memory
  as a minute.
  """

  def __init__(self, paths: Sequence[Path]):
    self._paths = paths
    self._kept: dict[Path, np.ndarray] = {}
    self._room = _KEPT

  def __len__(self) -> int:
    return len(self._paths)

  def __iter__(self) -> Iterator[np.ndarray]:
    for path in self._paths:
      image = self._kept.get(path)
      if image is None:
        image = read(path)
        if image.nbytes <= self._room:
          self._kept[path] = image
          self._room -= image.nbytes
      yield image


class Mapped:
  """What a function makes of each image, computed when it is asked for."""

  def __init__(
    self, function: Callable[[np.ndarray], np.ndarray], images: Frames
  ):
    self._function, self._images = function, images

  def __len__(self) -> int:
    return len(self._images)

  def __iter__(self) -> Iterator[np.ndarray]:
    return map(self._function, self._images)


def read(path: Path) -> np.ndarray:
  """Reads one image as it is stored.

  Returns:
    [h, w] of uint8 or uint16 for grey, or for the alpha channel of an image
    that is transparent somewhere; uint32 0xRRGGBB for colours.

  Raises:
    UserError: it cannot be read, is cut short or is in another format.
  """
  import cv2

  # Read by Python, as OpenCV cannot say why it fails.
  try:
    data = untrusted.read(path)
  except OSError as error:
    raise UserError(f'{path}: cannot be read ({error.strerror})') from error
  if not data:
    raise UserError(f'{path}: is empty; copy it again')
  if not data.startswith(_STARTS):
    raise UserError(
      f'{path}: is not a PNG, JPEG or BMP image, whatever its name says;'
      ' convert it to PNG, or copy it again if it is damaged'
    )
  flags = cv2.IMREAD_GRAYSCALE
  if data.startswith(_PNG):
    # Some versions of OpenCV return a short PNG with what is missing in black.
    if _PNG_END not in data[-12:]:
      raise UserError(f'{path}: is cut short; copy it again')
    # Only PNG keeps a palette's colours, an alpha channel or 16 bits.
    flags = cv2.IMREAD_UNCHANGED
    if _decoded_bytes(data) > _MAX_DECODED:
      raise UserError(f'{path}: is larger than any frame; scale it down')
  try:
    frame = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
  except cv2.error:  # It claims to be larger than `runtime` allows.
    frame = None
  if frame is None:
    raise UserError(f'{path}: is damaged, or larger than any frame')
  return frame if frame.ndim == 2 else _one_channel(frame)


def _decoded_bytes(png: bytes) -> int:
  """Returns how many bytes a PNG claims to take when it is decoded."""
  if len(png) < 26:
    return 0
  width, height, depth, colour = struct.unpack('>IIBB', png[16:26])
  channels = _PNG_CHANNELS.get(colour, 4)
  return width * height * channels * (2 if depth == 16 else 1)


def _one_channel(image: np.ndarray) -> np.ndarray:
  """Returns [h, w] of an image [h, w, 3 or 4], blue first; see `read`."""
  if image.shape[2] == 4:
    alpha = image[..., 3]
    if alpha.min() < np.iinfo(alpha.dtype).max:
      return np.ascontiguousarray(alpha)
    image = image[..., :3]
  if image.dtype == np.uint16:
    grey = (image == image[..., :1]).all()
    if grey:
      return np.ascontiguousarray(image[..., 0])
    image = (image >> 8).astype(np.uint8)
  blue, green, red = np.moveaxis(image, -1, 0)
  largest = np.maximum(np.maximum(blue, green), red)
  smallest = np.minimum(np.minimum(blue, green), red)
  if int((largest - smallest).max()) < _COLOURLESS:
    return largest
  colour = red.astype(np.uint32)
  for channel in (green, blue):
    colour <<= 8
    colour |= channel
  return colour
