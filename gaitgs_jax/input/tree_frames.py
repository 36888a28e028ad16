"""Reads the frames of one sequence of a tree."""

import functools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gaitgs_jax import modalities
from gaitgs_jax.errors import BadValue, UserError
from gaitgs_jax.input import images, keypoints, masks, pickles, tree_files
from gaitgs_jax.input.pretreatment import (
  Way,
  is_stretched,
  pretreat,
  stray_note,
)
from gaitgs_jax.input.trees import TreeSequence


def read_frames(
  folder: str, notes: list[str] | None = None, way: Way = 'cut'
) -> np.ndarray | images.Frames:
  """Returns the frames of one sequence, uint8 [h, w] of 0 and 255 each.

  Those of images are made one by one, when they are gone through.

  Args:
    folder: of the sequence; a pickle's frames, which are pretreated, are
      returned as stored, in one array [s,h,w].
    notes: where to add how images were read that are not white on black.
    way: how images become frames; those that are not cut are returned as they
      are stored.

  Raises:
    UserError: the folder is empty, or one of its files is damaged or does not
      show people in white on black.
  """
  files = tree_files.sequence_files(folder)
  if not files:
    raise tree_files.nothing_found(folder, 'frames')
  if files[0].suffix.lower() == tree_files.PICKLE:
    return read_pickle(files[0], 'silhouettes')
  if way not in ('cut', 'area'):
    modality = 'parsing' if way == 'labels' else 'silhouettes'
    grey = functools.partial(_grey, folder, modality)
    return images.Mapped(grey, images.Images(files))
  try:
    frames, note = masks.foreground(images.Images(files))
  except masks.NotMasksError as error:
    raise UserError(f'{folder}: {error}') from error
  if note and notes is not None:
    notes.append(note)
  return frames


def _grey(folder: str, modality: str, image: np.ndarray) -> np.ndarray:
  """Returns an image uint8 [h,w] that is taken as it is."""
  reason = f'its images are {image.dtype}, not grey of 8 bits'
  if image.dtype == np.uint8:
    reason = modalities.get(modality).unusable(image[None], '')
  if reason:
    raise UserError(f'{folder}: {reason}')
  return image


def read_pickle(path: Path, modality: str) -> np.ndarray:
  """Returns one sequence [s,...] of a pickle.

  Raises:
    PickleError: it is damaged, of another modality, or cannot be computed with.
  """
  row = modalities.get(modality)
  array = pickles.load(path, row)
  if fault := row.unusable(array, ''):
    raise pickles.PickleError(path, fault)
  return array


def read_pretreated(
  folder: str,
  size: int,
  notes: list[str] | None = None,
  names: list[str] | None = None,
  way: Way = 'cut',
) -> np.ndarray:
  """Returns one sequence uint8 [s, size, size], pretreated if it was not.

  Args:
    folder: of the sequence.
    size: height and width of the result in pixels.
    notes: where to add what is odd about the images, but harmless.
    names: where to add the names of the images that the result has, without
      their suffix; a pickle's have none.
    way: how raw images become frames.

  Raises:
    UserError: as `read_frames`, or the folder's pickle holds frames of another
      size.
  """
  frames = read_frames(folder, notes, way)
  if not isinstance(frames, np.ndarray):
    kept: list[int] = []
    try:
      result = _pretreated(frames, size, notes, kept, way)
    except BadValue as error:
      raise UserError(f'{folder}: {error}') from error
    if names is not None:
      files = tree_files.sequence_files(folder)
      names += [files[number].stem for number in kept]
    return result
  if frames.shape[1:] != (size, size):
    height, width = frames.shape[1:]
    hint = 'start from the raw images'
    if height == width:
      hint += (
        f', or take --size={height} (pretreat), --variant={height} (prepare)'
      )
    raise UserError(
      f'{folder}: its pickled frames are {height}x{width}, not {size}x{size};'
      f' {hint}'
    )
  return frames


def _pretreated(
  frames: images.Frames,
  size: int,
  notes: list[str] | None,
  kept: list[int],
  way: Way,
) -> np.ndarray:
  stretched = 0

  def counted() -> Iterator[np.ndarray]:
    nonlocal stretched
    for frame in frames:
      stretched += way == 'cut' and is_stretched(frame)
      yield frame

  result = pretreat(counted(), size, kept, way)
  if notes is not None:
    notes += filter(None, [stray_note(stretched, len(frames))])
  return result


def read_any(
  sequence: TreeSequence,
  modality: str,
  notes: list[str] | None = None,
  pattern: str = '',
  way: Way = 'cut',
) -> np.ndarray | images.Frames:
  """Returns one sequence [s,...] of any modality; raw images as a list.

  Args:
    sequence: of a tree.
    modality: its name.
    notes: where to add what is odd, but harmless.
    pattern: of the names of its pickles, where there are several.
    way: how images become frames.

  Raises:
    UserError: it cannot be read; the message names the file.
  """
  if pattern and (names := tree_files.pickle_names(sequence.folder)):
    choice = tree_files.PickleChoice(modality, pattern)
    path = Path(sequence.folder, choice.of(names))
    return read_pickle(path, modality)
  if modality == 'keypoints':
    return keypoints.read(sequence, notes)
  if modality == 'silhouettes':
    return read_frames(sequence.folder, notes, way)
  found = tree_files.sequence_files(sequence.folder, modality)
  if found and way == 'labels' and found[0].suffix != tree_files.PICKLE:
    return read_frames(sequence.folder, notes, way)
  if not found or found[0].suffix.lower() != tree_files.PICKLE:
    raise tree_files.nothing_found(sequence.folder, 'pickle')
  return read_pickle(found[0], modality)
