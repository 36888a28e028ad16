"""People from masks that somebody's segmenter made, an image a frame."""

import pathlib
from collections.abc import Iterator

import numpy as np

from gaitgs_jax.errors import UserError
from gaitgs_jax.input import images
from gaitgs_jax.video import boxes, frames
from gaitgs_jax.video.found import Found, Patch, components, of_patches

# More values than this are those of soft edges or of a photograph.
_MOST_PEOPLE = 64
# A region of fewer pixels is a speck.
_LEAST = 40


class GivenMasks:
  """A detector that takes each frame's people from the next image.

  Args:
    folder: of images in the order of the frames: 0 where nobody is. With one
      other value people are its connected regions; with several each value is
      a person.
    total: frames that there are to be; 0 for any number.
    every: take each so-manieth.

  Raises:
    UserError: there are no images, or another number of them.
  """

  def __init__(self, folder: pathlib.Path, total: int = 0, every: int = 1):
    paths = frames.image_paths(folder)
    if total and total != len(paths):
      raise UserError(
        f'{folder}: holds {len(paths)} masks, but there are {total} frames'
      )
    self._paths: Iterator[pathlib.Path] = iter(paths[::every])

  def __call__(self, frame: np.ndarray) -> Found:
    """Returns the people of the next image.

    Raises:
      UserError: there is none left, it is of another size, or not masks.
    """
    path = next(self._paths, None)
    if path is None:
      raise UserError('there are fewer masks than frames')
    mask = images.read(path)
    if mask.shape != frame.shape[:2]:
      raise UserError(
        f'{path}: is {mask.shape[1]}x{mask.shape[0]}, but frames are'
        f' {frame.shape[1]}x{frame.shape[0]}'
      )
    values = np.unique(mask)
    values = values[values > 0].tolist()
    if len(values) > _MOST_PEOPLE:
      raise UserError(
        f'{path}: has {len(values)} values; write 0 where nobody is and one'
        ' value a person, without soft edges'
      )
    if len(values) == 1:
      return of_patches(components(mask > 0, _LEAST, heal=(5, 3)), 1.0)
    return of_patches(_of_values(mask, values), 1.0)


def _of_values(mask: np.ndarray, values: list[int]) -> list[Patch]:
  patches = []
  for value in values:
    person = mask == value
    if np.count_nonzero(person) >= _LEAST:
      rows, columns = boxes.clipped(boxes.of_mask(person), person.shape)
      inside = person[rows, columns].astype(np.float32)
      patches.append(Patch(inside, rows.start, columns.start))
  return patches
