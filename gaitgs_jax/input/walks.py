"""Walks as people have them: folders of images, pickles or `.npy` files.

Unlike a dataset they need no layout of folders: whoever uses them knows whose
they are.
"""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from gaitgs_jax import cloud, files, modalities
from gaitgs_jax.errors import UserError, one_line
from gaitgs_jax.input import pairing, tree_files, tree_frames, trees
from gaitgs_jax.input.drawn import draw
from gaitgs_jax.input.pretreatment import pretreat
from gaitgs_jax.modalities import Arrays, Shapes, shown_size

_NPY = '.npy'
# As large as a pickle of frames may be.
_NPY_BYTES = 1 << 32


@dataclasses.dataclass(frozen=True, order=True)
class Place:
  """Where a walk lies.

  Attributes:
    path: of a folder with its images, json files or pickles of several
      modalities, or of one `.npy` or `.pkl` file.
  """

  path: Path

  def __str__(self) -> str:
    return str(self.path)


def find(root: str | os.PathLike, patterns: Mapping[str, str]) -> list[Place]:
  """Returns the walks at a path, sorted; reads no frame.

  Args:
    root: a file, a folder with one walk, or one with folders of walks at any
      depth, such as an OpenGait tree.
    patterns: modality -> pattern of the names of its pickles, or ''; of what
      the model sees.

  Raises:
    UserError: there are none.
  """
  path = cloud.local_copy(root)
  if path.is_file():
    if path.suffix.lower() not in (_NPY, tree_files.PICKLE):
      raise UserError(
        f'{path}: is not a walk; pass a .npy or .pkl file, or a folder of'
        ' images; `gaitgs silhouettes` makes walks of a video'
      )
    return [Place(path.absolute())]
  if not path.is_dir():
    raise UserError(f'{path}: no such file or folder')
  folders = {file.parent for file in tree_files.frame_files(path.absolute())}
  found = [
    place for folder in folders for place in _of_folder(folder, patterns)
  ]
  found += [
    Place(file) for file in tree_files.frame_files(path.absolute(), _is_npy)
  ]
  if not found:
    raise UserError(
      f'{path}: no image, pickle, json or .npy below it;'
      f' {tree_files.hint(path)}'
    )
  return sorted(found)


def _is_npy(name: str) -> bool:
  return name.lower().endswith(_NPY)


def _of_folder(folder: Path, patterns: Mapping[str, str]) -> list[Place]:
  names = tree_files.pickle_names(folder)
  if not names or len(patterns) > 1:
    return [Place(folder)]
  ((modality, pattern),) = patterns.items()
  chosen = tree_files.PickleChoice(modality, pattern).of(names)
  if pattern:
    return [Place(folder / chosen)]
  # Several whose names say the same of what they hold are several walks.
  kind = modalities.of_file(chosen)
  return [
    Place(folder / name) for name in names if modalities.of_file(name) == kind
  ]


def read(
  place: Place,
  sizes: Shapes,
  patterns: Mapping[str, str],
  notes: list[str] | None = None,
) -> Arrays:
  """Reads one walk, as `fitted` returns it.

  Args:
    place: of `find`.
    sizes: of the frames that the model sees, by modality.
    patterns: as for `find`.
    notes: where to add what is odd about raw images, but harmless.

  Raises:
    UserError: it cannot be read, or does not fit the model.
  """
  arrays = {
    name: _read(place.path, name, size, patterns[name], notes)
    for name, size in sizes.items()
  }
  return fitted(arrays, sizes, str(place))


def _read(
  path: Path,
  modality: str,
  size: tuple[int, ...],
  pattern: str,
  notes: list[str] | None,
) -> np.ndarray:
  row = modalities.get(modality)
  if path.suffix.lower() == _NPY:
    return _read_npy(path)
  if path.is_file():
    return tree_frames.read_pickle(path, modality)
  names = tree_files.pickle_names(path)
  if names:
    choice = tree_files.PickleChoice(modality, pattern, alone=False)
    return tree_frames.read_pickle(path / choice.of(names), modality)
  if row.pretreated:
    return tree_frames.read_pretreated(str(path), size[0], notes)
  sequence = trees.TreeSequence(path.name, '00', '000', str(path))
  read_ = tree_frames.read_any(sequence, modality, notes)
  return np.stack([*read_])


def _read_npy(path: Path) -> np.ndarray:
  try:
    with files.open_regular(path, _NPY_BYTES) as file:
      return np.lib.format.read_array(file, allow_pickle=False)
  except OSError as error:
    raise UserError(f'{path}: {error.strerror or error}') from error
  # A header may claim any size.
  except (ValueError, EOFError, MemoryError, OverflowError) as error:
    raise UserError(
      f'{path}: is not an array of numpy ({one_line(error)})'
    ) from error


def fitted(arrays: Arrays, sizes: Shapes, name: str) -> Arrays:
  """Returns a walk as the model's batches hold it.

  Raw silhouettes, those of another size than the model's, are pretreated as
  published.

  Args:
    arrays: frames [s,...] by modality.
    sizes: of the frames that the model sees, by modality.
    name: of the walk, for messages.

  Raises:
    UserError: it is of another modality, type or shape, or shows nobody.
  """
  if set(arrays) != set(sizes):
    raise UserError(
      f'{name}: has {" and ".join(arrays) or "nothing"}, but the model sees'
      f' {" and ".join(sizes)}'
    )
  found = {
    modality: _fitted(array, modality, sizes[modality], name)
    for modality, array in arrays.items()
  }
  pairing.check({key: len(each) for key, each in found.items()}, name)
  return found


def _fitted(
  array: np.ndarray, modality: str, size: tuple[int, ...], name: str
) -> np.ndarray:
  row = modalities.get(modality)
  array = np.asarray(array)
  if array.dtype.kind == 'f' and row.dtype.kind == 'f':
    array = array.astype(row.dtype)
  if array.dtype != row.dtype or array.ndim != 1 + len(row.axes):
    raise UserError(
      f'{name}: {row.title} are {row.dtype} {row.shape}, not'
      f' {array.dtype} {list(array.shape)}'
    )
  if not array.size:
    raise UserError(f'{name}: has no frames')
  if fault := row.unusable(array, ''):
    raise UserError(f'{name}: {fault}')
  misfit = row.misfit(array.shape[1:], size)
  if misfit and not row.pretreated:
    raise UserError(
      f'{name}: {row.title} are {shown_size(array.shape[1:])}, but the model'
      f' sees {shown_size(size)}'
    )
  if misfit:
    array = pretreat(array, size[0])
    if not len(array):
      raise UserError(
        f'{name}: no frame shows anybody; are these masks of one person each?'
      )
  if row.is_drawn:
    return draw(array, size[0], range(len(array)))
  return _of_width(array, row, size)


def _of_width(
  array: np.ndarray, row: modalities.Modality, size: tuple[int, ...]
) -> np.ndarray:
  """Returns frames of the width that stored ones have, so that all have one.

  Of these the model's columns are cut, or a transform cuts others.
  """
  if 'w' not in row.axes:
    return array
  axis = 1 + row.axes.index('w')
  spare = row.width(row.uncut(size)) - array.shape[axis]
  if spare < 0:
    cut = slice(-spare // 2, array.shape[axis] + spare // 2)
    return array[(slice(None),) * axis + (cut,)]
  pads = [(0, 0)] * array.ndim
  pads[axis] = (spare // 2, spare // 2)
  return np.pad(array, pads)
