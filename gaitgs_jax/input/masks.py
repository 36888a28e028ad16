"""Which pixels of an image are the person, however the mask is stored.

People store masks in many ways: as 255 or 1 on 0, black on white, as the index
or the colour of a class, in the alpha channel, in 16 bits, with soft edges, or
as JPEG. The rule is one for all of them: the background is what most of the
frames' borders show, and the person is what differs from it. Where that could
be something else, such as several classes or a photograph, it is refused.
"""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np

from gaitgs_jax.errors import UserError
from gaitgs_jax.input.images import Frames, Mapped

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
# A grey value times this is the same colour.
_GREY = 0x010101


class NotMasksError(UserError):
  """The images are not masks of one person; the message does not say where."""


def foreground(images: Frames) -> tuple[Frames, str]:
  """Finds the person in the images of one sequence.

  Goes through the images several times, with one of them in memory.

  Args:
    images: as `images.read` returns them; sizes may differ.

  Returns:
    Masks uint8 [h, w] of 0 and 255, each made when it is asked for, and a note
    of how the images were read where they are not white on black; '' where they
    are. Images of 0 and 255 are returned as they are, or inverted.

  Raises:
    NotMasksError: they are not masks of one person.
  """
  if not len(images):
    return [], ''
  survey = _Survey()
  for image in images:
    survey.add(image)
  if not survey.is_plain:
    typed = Mapped(functools.partial(_converted, survey.dtype), images)
    return _decided(typed, survey)
  # A person covers more than half of a frame's border only where the person is
  # cut, and that is not most frames.
  if survey.background() == 0:
    return images, ''
  return Mapped(_inverted, images), 'read as black on white'


def _inverted(image: np.ndarray) -> np.ndarray:
  return _WHITE - image


def _converted(dtype: np.dtype, image: np.ndarray) -> np.ndarray:
  """Converts a grey image to colours if others of its sequence have some."""
  if dtype == np.uint32:
    if image.dtype == np.uint16:
      image = image >> 8
    if image.dtype != dtype:
      image = image * np.uint32(_GREY)
  return image.astype(dtype, copy=False)


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
  """Returns whether an image is uint8 of 0 and 255 only."""
  if image.dtype != np.uint8:
    return False
  # 255 and 1 is 0.
  return bool((image + np.uint8(1) <= 1).all())


class _Survey:
  """What all images of a sequence have in common.

  Attributes:
    is_plain: whether their pixels are uint8 of 0 and 255 only.
  """

  def __init__(self) -> None:
    self.is_plain = True
    # How often each value is on the borders, and of colours in each channel.
    self._grey = {
      np.dtype(np.uint8): np.zeros(1 << 8, np.int64),
      np.dtype(np.uint16): np.zeros(1 << 16, np.int64),
    }
    self._colour = np.zeros((3, 1 << 8), np.int64)
    # The values of all pixels of images of a type, and those of 16 bits cut to
    # 8; no longer complete once they are many.
    self._values: dict[np.dtype, set[int]] = {}
    self._cut_values: set[int] = set()

  def add(self, image: np.ndarray) -> None:
    """Looks at one image."""
    values = self._values.setdefault(image.dtype, set())
    plain = _is_plain(image)
    self.is_plain = self.is_plain and plain
    found = np.array([image.min(), image.max()]) if plain else image
    _add_few(values, found)
    if image.dtype == np.uint16:
      _add_few(self._cut_values, found >> 8)
    borders = _borders(image)
    if image.dtype == np.uint32:
      for counts, channel in zip(self._colour, _channels(borders), strict=True):
        counts += np.bincount(channel, minlength=len(counts))
    else:
      counts = self._grey[image.dtype]
      counts += np.bincount(borders, minlength=len(counts))

  @property
  def dtype(self) -> np.dtype:
    """What holds every image; uint32 for colours."""
    return np.result_type(*self._values)

  def background(self) -> int:
    """Returns the median of the borders, of colours that of each channel."""
    fine, coarse = self._grey[np.dtype(np.uint8)], self._grey[np.dtype('u2')]
    if self.dtype != np.uint32:
      counts = coarse.copy()
      counts[: len(fine)] += fine
      return _median(counts)
    grey = fine + coarse.reshape(len(fine), -1).sum(1)
    red, green, blue = (_median(grey + counts) for counts in self._colour)
    return red << 16 | green << 8 | blue

  def values(self) -> list[int]:
    """Returns the values of all pixels, sorted; none if they are many."""
    found: set[int] = set()
    for dtype, values in self._values.items():
      if self.dtype == np.uint32 and dtype != np.uint32:
        cut = self._cut_values if dtype == np.uint16 else values
        values = {value * _GREY for value in cut}
      found |= values
    return sorted(found) if len(found) <= _FEW else []


def _add_few(found: set[int], image: np.ndarray) -> None:
  """Adds an image's values to a set of few."""
  if len(found) <= _FEW:
    found.update(np.unique(image)[: _FEW + 1].tolist())


def _median(counts: np.ndarray) -> int:
  """Returns the lower median of values that are found so often each."""
  total = counts.cumsum()
  return int(np.searchsorted(total, (total[-1] - 1) // 2, side='right'))


def _borders(image: np.ndarray) -> np.ndarray:
  sides = (image[0], image[-1], image[:, 0], image[:, -1])
  return np.concatenate(sides)


def _channels(colours: np.ndarray) -> list[np.ndarray]:
  return [(colours >> shift & 255).astype(np.uint8) for shift in (16, 8, 0)]


@dataclasses.dataclass
class _Shades:
  """How many pixels are surely or perhaps the person's.

  Attributes:
    person: that are in a mask.
    unsure: that are neither surely background nor surely person.
    borders: of the borders.
    clear: of the borders that are surely background.
  """

  person: int = 0
  unsure: int = 0
  borders: int = 0
  clear: int = 0

  def add(self, difference: np.ndarray, top: int) -> None:
    """Counts those of one image, given its `_difference`."""
    between = (difference > top * _SURELY_NOT) & (difference < top * _SURELY)
    borders = _borders(difference)
    self.person += int(np.count_nonzero(_cut(difference, top)))
    self.unsure += int(np.count_nonzero(between))
    self.borders += len(borders)
    self.clear += int(np.count_nonzero(borders <= top * _SURELY_NOT))


def _decided(images: Frames, survey: _Survey) -> tuple[Frames, str]:
  """Does the work of `foreground` for images of other values than 0 and 255."""
  background, values = survey.background(), survey.values()
  top = _contrast(images, values, background, survey.dtype)
  shades = _Shades()
  for image in images:
    shades.add(_difference(image, background), top)
  if (
    shades.unsure > _MOST_UNSURE * shades.person
    or shades.clear < _LEAST_CLEAR * shades.borders
  ):
    raise NotMasksError(
      'its images have many shades, as photographs and strongly blurred masks'
      ' do; give masks, people in white (255) on black (0), as `gaitgs'
      ' silhouettes` makes them of pictures'
    )

  def cut(image: np.ndarray) -> np.ndarray:
    return _cut(_difference(image, background), top)

  masks = Mapped(cut, images)
  if len(values) == 1:
    return masks, ''
  if len(values) == 2:
    person = [value for value in values if value != background]
    person_shown, background_shown = (
      _shown(each, survey.dtype) for each in (person, [background])
    )
    return masks, f'read as {person_shown} on {background_shown}'
  return masks, 'its edges are soft or noisy; they are cut at half the contrast'


def _contrast(
  images: Frames, values: Sequence[int], background: int, dtype: np.dtype
) -> int:
  """Returns how far the person is from the background.

  Args:
    images: of one type.
    values: all that their pixels have; none if they are many.
    background: one of them.
    dtype: of the images.

  Raises:
    NotMasksError: several values fill areas.
  """
  solid = _solid(images, values, background)
  if not solid and not values:
    return max(int(_difference(each, background).max()) for each in images)
  distances = _difference(np.asarray(solid or values, dtype), background)
  top = int(distances.max())
  # Of grey ones 254 and 255 may be the same; of colours no two are.
  alike = dtype != np.uint32 and distances.min() >= top * (1 - _SURELY_NOT)
  if len(solid) > 1 and not alike:
    raise NotMasksError(
      f'its pixels are {_shown(values, dtype)}, of which several fill areas:'
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


def _solid(images: Frames, values: Sequence[int], background: int) -> list[int]:
  """Returns the values that fill areas and are not those of soft edges."""
  import cv2

  if not values:
    return []
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


def _shown(values: Sequence[int], dtype: np.dtype) -> str:
  form = '#{:06x}' if dtype == np.uint32 else '{}'
  return ', '.join(form.format(value) for value in values)
