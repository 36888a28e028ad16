"""Which pixels of an image are the person, however the mask is stored.

People store masks in many ways: as 255 or 1 on 0, black on white, as the index
or the colour of a class, in the alpha channel, in 16 bits, with soft edges, or
as JPEG. The rule is one for all of them: the background is what most of the
frames' borders show, and the person is what differs from it. Where that could
be something else, such as several classes or a photograph, it is refused.
"""

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gaitgs_jax.errors import UserError
from gaitgs_jax.input import untrusted

_PNG_START, _PNG_END = b'\x89PNG\r\n', b'IEND'
# Bytes per pixel and channel of a PNG by its colour type; a palette may grow to
# four channels.
_PNG_CHANNELS = {0: 1, 2: 3, 3: 4, 4: 4, 6: 4}
# A 4K picture in 8-bit RGBA is smaller.
_MAX_DECODED = 1 << 25
# Channels that differ by less are the noise of a grey JPEG.
_COLOURLESS = 24
# More values than this are those of soft edges, noise or a photograph.
_FEW = 16
# Of the pixels that are not background, so many must lie within an area of one
# value for that value to be a class.
_LEAST_SOLID = 0.01
# Of the largest difference from the background: less is surely background, more
# surely person.
_SURELY_NOT, _SURELY = 1 / 16, 3 / 4
# Unsure pixels per pixel of the person. Blurred edges reach about 1.3, a dark
# suit below a bright face 13.
_MOST_UNSURE = 1.5
# Of the borders' pixels, so many must look like the background.
_LEAST_CLEAR = 0.5
# Of the sides of a tight frame, a person on the wrong ground leaves so much
# white.
_INVERTED = 0.75
# A blur of a few pixels hides so many rows of a person; there this much of the
# contrast is person. Of 0.25 to 0.5, 0.4 came nearest to sharp masks.
_TIP_ROWS, _TIP = 2, 0.4
_WHITE = 255


class NotMasksError(UserError):
  """The images are not masks of one person; the message does not say where."""


def read_image(path: Path) -> np.ndarray:
  """Reads one image as it is stored.

  Returns:
    [h, w] of uint8 or uint16 for grey, or for the alpha channel of an image
    that is transparent somewhere; uint32 0xRRGGBB for colours.

  Raises:
    UserError: it cannot be read or is cut short.
  """
  import cv2

  # Read by Python, as OpenCV cannot tell why it fails.
  try:
    data = untrusted.read(path)
  except OSError as error:
    raise UserError(f'{path}: cannot be read ({error.strerror})') from error
  flags = cv2.IMREAD_GRAYSCALE
  if data.startswith(_PNG_START):
    # Some versions of OpenCV return a short PNG with what is missing in black.
    if _PNG_END not in data[-12:]:
      raise UserError(f'{path}: is cut short; copy it again')
    # Only PNG keeps a palette's colours, an alpha channel or 16 bits.
    flags = cv2.IMREAD_UNCHANGED
    if _decoded_bytes(data) > _MAX_DECODED:
      raise UserError(f'{path}: is larger than any frame; scale it down')
  buffer = np.frombuffer(data, np.uint8)
  try:
    frame = cv2.imdecode(buffer, flags) if data else None
  except cv2.error:  # It claims to be larger than `runtime` allows.
    frame = None
  if frame is None:
    raise UserError(f'{path}: is empty, damaged or not an image; copy it again')
  return frame if frame.ndim == 2 else _one_channel(frame)


def _decoded_bytes(png: bytes) -> int:
  """Returns how many bytes a PNG claims to take when it is decoded."""
  if len(png) < 26:
    return 0
  width, height, depth, colour = struct.unpack('>IIBB', png[16:26])
  channels = _PNG_CHANNELS.get(colour, 4)
  return width * height * channels * (2 if depth == 16 else 1)


def _one_channel(image: np.ndarray) -> np.ndarray:
  """Returns [h, w] of an image [h, w, 3 or 4], blue first; see `read_image`."""
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


def foreground(
  images: Sequence[np.ndarray],
) -> tuple[list[np.ndarray], str]:
  """Finds the person in the images of one sequence.

  Args:
    images: as `read_image` returns them; sizes may differ.

  Returns:
    Masks uint8 [h, w] of 0 and 255, and a note of how the images were read
    where they are not white on black; '' where they are. Images of 0 and 255
    are returned as they are, or inverted.

  Raises:
    NotMasksError: they are not masks of one person.
  """
  images = list(images)
  if not images:
    return [], ''
  if not all(map(_is_plain, images)):
    return _decided(_of_one_type(images))
  # A person covers more than half of a frame's border only where the person is
  # cut, and that is not most frames.
  if _background(images) == 0:
    return images, ''
  return [_WHITE - image for image in images], 'read as black on white'


def _of_one_type(images: list[np.ndarray]) -> list[np.ndarray]:
  """Converts grey images to colours if others have some."""
  dtype = np.result_type(*{image.dtype for image in images})
  if dtype == np.uint32:
    images = [
      image >> 8 if image.dtype == np.uint16 else image for image in images
    ]
    images = [
      image if image.dtype == dtype else image * np.uint32(0x010101)
      for image in images
    ]
  return [image.astype(dtype, copy=False) for image in images]


def fault(frames: np.ndarray) -> str:
  """Returns why pretreated frames uint8 [s,h,w] are not white on black, or ''.

  Blank frames are, as far as can be seen.
  """
  if not frames.size:
    return ''
  top = int(frames.max())
  if 0 < top <= _WHITE // 2:
    return (
      f'its values run from 0 to {top}, but a person must be {_WHITE}; write'
      f' them as 0 and {_WHITE}'
    )
  # A person is as high as the frame, in the middle, and leaves its sides free.
  sides = frames[:, :, [0, -1]] > _WHITE // 2
  if np.count_nonzero(sides) > _INVERTED * sides.size:
    return f'shows black people on white; write {_WHITE} minus its values'
  return ''


def _is_plain(image: np.ndarray) -> bool:
  """Tells whether an image is uint8 of 0 and 255 only."""
  if image.dtype != np.uint8:
    return False
  # 255 and 1 is 0.
  return bool((image + np.uint8(1) <= 1).all())


def _borders(images: Sequence[np.ndarray]) -> np.ndarray:
  return np.concatenate(
    [
      side
      for image in images
      for side in (image[0], image[-1], image[:, 0], image[:, -1])
    ]
  )


def _background(images: Sequence[np.ndarray]) -> int:
  """Returns the median of the borders, of colours that of each channel."""
  borders = _borders(images)
  middle = (len(borders) - 1) // 2
  if borders.dtype != np.uint32:
    return int(np.partition(borders, middle)[middle])
  medians = [
    int(np.partition(channel, middle)[middle]) for channel in _channels(borders)
  ]
  return medians[0] << 16 | medians[1] << 8 | medians[2]


def _channels(colours: np.ndarray) -> list[np.ndarray]:
  return [(colours >> shift & 255).astype(np.uint8) for shift in (16, 8, 0)]


def _decided(images: list[np.ndarray]) -> tuple[list[np.ndarray], str]:
  """Does the work of `foreground` for images of other values than 0 and 255."""
  background = _background(images)
  values = _values(images)
  top = _contrast(images, values, background)
  masks, unsure = [], 0
  for image in images:
    difference = _difference(image, background)
    masks.append(_cut(difference, top))
    between = (difference > top * _SURELY_NOT) & (difference < top * _SURELY)
    unsure += int(np.count_nonzero(between))
  _refuse_pictures(images, masks, unsure, background, top)
  if len(values) == 1:
    return masks, ''
  if len(values) == 2:
    person = [value for value in values if value != background]
    return masks, (
      f'read as {_shown(person, images)} on {_shown([background], images)}'
    )
  return masks, 'its edges are soft or noisy; they are cut at half the contrast'


def _contrast(
  images: Sequence[np.ndarray], values: Sequence[int], background: int
) -> int:
  """Returns how far the person is from the background.

  Args:
    images: of one type.
    values: all that their pixels have; none if they are many.
    background: one of them.

  Raises:
    NotMasksError: several values fill areas.
  """
  solid = _solid(images, values, background)
  if not solid:
    return max(int(_difference(each, background).max()) for each in images)
  dtype = images[0].dtype
  distances = _difference(np.asarray(solid, dtype), background)
  top = int(distances.max())
  # Of grey ones 254 and 255 may be the same; of colours no two are.
  alike = dtype != np.uint32 and distances.min() >= top * (1 - _SURELY_NOT)
  if len(solid) > 1 and not alike:
    raise NotMasksError(
      f'its pixels are {_shown(values, images)}, of which several fill areas:'
      ' classes, or several people; write one person as 255 and all else as 0'
    )
  return top


def _cut(difference: np.ndarray, top: int) -> np.ndarray:
  """Returns the mask of what differs by more than half of the contrast `top`.

  Soft edges take from the last rows of a head or a foot more than half of their
  contrast, and the pretreatment scales by these rows; so the rows next to the
  mask's first and last need less.
  """
  mask = difference > top // 2
  rows = np.flatnonzero(mask.any(1))
  if len(rows):
    first, last = int(rows[0]), int(rows[-1]) + 1
    above = slice(max(first - _TIP_ROWS, 0), first)
    for tip in (above, slice(last, last + _TIP_ROWS)):
      mask[tip] = difference[tip] > _TIP * top
  return np.where(mask, _WHITE, 0).astype(np.uint8)


def _values(images: Sequence[np.ndarray]) -> list[int]:
  """Returns the values of all pixels, sorted; none if they are many."""
  found: set[int] = set()
  for image in images:
    found.update(np.unique(image)[: _FEW + 1].tolist())
    if len(found) > _FEW:
      return []
  return sorted(found)


def _solid(
  images: Sequence[np.ndarray], values: Sequence[int], background: int
) -> list[int]:
  """Returns the values that fill areas and are not those of soft edges."""
  import cv2

  counts = dict.fromkeys(values, 0)
  total = 0
  for image in images:
    for value in values:
      if value != background:
        here = (image == value).astype(np.uint8)
        total += int(here.sum())
        inner = cv2.erode(here, np.ones((3, 3), np.uint8))
        counts[value] += int(inner.sum())
  return [value for value in values if counts[value] > _LEAST_SOLID * total]


def _difference(image: np.ndarray, background: int) -> np.ndarray:
  """Returns how far pixels are from the background, of colours the most."""
  if image.dtype != np.uint32:
    reference = image.dtype.type(background)
    return np.maximum(image, reference) - np.minimum(image, reference)
  parts = [
    _difference(channel, background >> shift & 255)
    for channel, shift in zip(_channels(image), (16, 8, 0), strict=True)
  ]
  return np.maximum(np.maximum(parts[0], parts[1]), parts[2])


def _refuse_pictures(
  images: Sequence[np.ndarray],
  masks: Sequence[np.ndarray],
  unsure: int,
  background: int,
  top: int,
) -> None:
  """Refuses what has no one background, or more shades than soft edges have.

  Raises:
    NotMasksError: it has.
  """
  person = sum(map(np.count_nonzero, masks))
  borders = _difference(_borders(images), background)
  clear = np.count_nonzero(borders <= top * _SURELY_NOT)
  if unsure > _MOST_UNSURE * person or clear < _LEAST_CLEAR * len(borders):
    raise NotMasksError(
      'its images have many shades, as photographs and strongly blurred masks'
      ' do; give masks, people in white (255) on black (0)'
    )


def _shown(values: Sequence[int], images: Sequence[np.ndarray]) -> str:
  form = '#{:06x}' if images[0].dtype == np.uint32 else '{}'
  return ', '.join(form.format(value) for value in values)
