"""Where sequences come from: prepared datasets, OpenGait trees, or memory.

A source is an index, held as arrays, and `read`. Sources keep no more than
the index in memory (except `ArraySource` and `CachedSource`, whose purpose is
to), and several threads may read from one.
"""

import concurrent.futures
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from gaitgs_jax import cloud, limits, modalities
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import (
  pairing,
  pickles,
  prepared,
  prepared_index,
  tree_files,
  tree_index,
)
from gaitgs_jax.input.index import Index, concatenate, make
from gaitgs_jax.input.unreadable import Unreadable
from gaitgs_jax.modalities import Arrays, Modality, Shapes, shown_size

__all__ = [
  'ArraySource',
  'CachedSource',
  'Index',
  'OpenGaitSource',
  'PreparedSource',
  'Source',
]

# Reading the heads of files waits on the disk more than it computes.
THREADS = 8
# Files that a process has open besides those of a dataset.
_OTHER_FILES = 64


class Source(Protocol):
  """Sequences that can be read one at a time."""

  @property
  def index(self) -> Index:
    """Subject, condition, view and length of every sequence."""

  @property
  def modalities(self) -> Shapes:
    """Which modalities are read, and the shape of a stored frame of each.

    Of point clouds the most points; a sequence may be stored with fewer.
    """

  def read(self, sequence: int, frames: np.ndarray | None = None) -> Arrays:
    """Returns frames [k,...] of one sequence by modality, frame by frame.

    Args:
      sequence: row of the index.
      frames: which frames, integers [k] in any order and number; None for
        all of them.

    Raises:
      UserError: the sequence cannot be read; the message names it.
    """


class ArraySource:
  """Sequences in memory.

  Args:
    arrays: the sequences [s,...] of each modality.
    subject: names [N].
    condition: names [N].
    view: names [N].

  Raises:
    UserError: a sequence has another type or shape than its modality, or than
      the first, or another length in another modality.
  """

  def __init__(
    self,
    arrays: Mapping[str, Sequence[np.ndarray]],
    subject: Sequence[str],
    condition: Sequence[str],
    view: Sequence[str],
  ):
    self._sequences: list[Arrays] = [
      dict(zip(arrays, row, strict=True))
      for row in zip(*arrays.values(), strict=True)
    ]
    lengths = [len(next(iter(row.values()))) for row in self._sequences]
    self.index = make(zip(subject, condition, view, lengths, strict=True))
    self.modalities = {
      name: _common_frame(
        [row[name].shape for row in self._sequences],
        self.index.name,
        modalities.get(name),
      )
      for name in arrays
    }
    for number, row in enumerate(self._sequences):
      self._check(row, self.index.name(number))

  def _check(self, row: Arrays, name: str) -> None:
    for modality, array in row.items():
      dtype = modalities.get(modality).dtype
      if array.dtype != dtype:
        raise UserError(f'{name}: {modality} are {array.dtype}, not {dtype}')
    pairing.check({key: len(each) for key, each in row.items()}, name)

  def read(self, sequence: int, frames: np.ndarray | None = None) -> Arrays:
    """Returns frames [k,...] by modality; see `Source`."""
    return _take(self._sequences[sequence], frames)


class OpenGaitSource:
  """A tree ROOT/subject/condition/view/*.pkl as OpenGait makes, read in place.

  Where a folder holds several pickles, which are modalities, their names say
  which is read; see `tree_files.PickleChoice`. The names of its frames, if they
  are known, are the lines of a text next to it: `000.frames.txt` of `000.pkl`.
  Opening reads the head of every file, for a large tree of those that changed
  since it was opened before.

  Args:
    root: of the tree; one in a bucket is copied first.
    modality: which is read, or what chooses its files.
    unreadable: takes note of files without a head, which are then no part of
      the source (default: they end the opening).

  Raises:
    UserError: there is no tree, it is half-copied, or a sequence of it is
      empty, damaged or of another size.
  """

  def __init__(
    self,
    root: str | os.PathLike,
    modality: str | tree_files.PickleChoice = 'silhouettes',
    unreadable: Unreadable | None = None,
  ):
    self._root = cloud.local_copy(root)
    choice = modality
    if isinstance(choice, str):
      choice = tree_files.PickleChoice(choice)
    self._modality = modalities.get(choice.modality)
    found = tree_index.read(self._root, choice, unreadable)
    self._files = [each.file for each in found]
    self._shapes = [
      pickles.stored_shape(each.shape, self._modality) for each in found
    ]
    frame = _common_frame(
      self._shapes, lambda row: str(self.path(row)), self._modality
    )
    self.modalities = {choice.modality: frame}
    subject, condition, view, _ = zip(
      *(file.split('/') for file in self._files), strict=True
    )
    lengths = [shape[0] for shape in self._shapes]
    self.index = make(zip(subject, condition, view, lengths, strict=True))

  def path(self, sequence: int) -> Path:
    """Returns the file of a sequence."""
    return self._root / self._files[sequence]

  def read(self, sequence: int, frames: np.ndarray | None = None) -> Arrays:
    """Returns frames [k,...] by modality; see `Source`."""
    path = self.path(sequence)
    shape = self._shapes[sequence]
    array = pickles.load(path, self._modality, frames, shape)
    if fault := self._modality.unusable(array, ''):
      raise UserError(f'{path}: {fault}')
    return {self._modality.name: array}

  def frame_names(self, sequence: int) -> list[str] | None:
    """Returns the names of a sequence's frames, None if they are not known.

    Raises:
      UserError: they cannot be read, or are not as many as the frames.
    """
    path = self.path(sequence)
    names = tree_files.frame_names(path)
    if names is not None and len(names) != self.index.length[sequence]:
      text = path.with_suffix(tree_files.FRAME_NAMES)
      raise UserError(
        f'{text}: names {len(names)} frames, but {path.name} has'
        f' {self.index.length[sequence]}'
      )
    return names


class PreparedSource:
  """A prepared dataset; see `prepared`. Training sequences come first.

  Args:
    directory: its version folder.
    wanted: modalities to read; all that are stored by default.

  Raises:
    UserError: the folder holds no prepared dataset, only part of one, or none
      of a wanted modality.
  """

  def __init__(
    self, directory: str | os.PathLike, wanted: Iterable[str] | None = None
  ):
    self._directory = Path(directory)
    splits, stored = prepared_index.read(self._directory)
    names = list(stored if wanted is None else wanted)
    for name in names:
      if name not in stored:
        raise UserError(
          f'{directory}: holds {" and ".join(stored)}, but no {name}; set'
          ' config.inputs to what it holds'
        )
    self.modalities = {name: stored[name] for name in names}
    self.index = concatenate(splits.values())
    self._shards = [
      shard
      for split in splits
      for shard in prepared.shards(self._directory, split)
    ]
    self._ends = np.cumsum([count for _, count in self._shards])
    limits.allow_open_files(len(self._shards) + _OTHER_FILES)
    # Opened now, so that a half-copied file is reported at once. Threads may
    # share a reader.
    with concurrent.futures.ThreadPoolExecutor(THREADS) as threads:
      self._readers = list(
        threads.map(lambda shard: prepared.open_reader(*shard), self._shards)
      )

  def read(self, sequence: int, frames: np.ndarray | None = None) -> Arrays:
    """Returns frames [k,...] by modality; see `Source`."""
    shard = int(np.searchsorted(self._ends, sequence, side='right'))
    path, count = self._shards[shard]
    record = int(sequence - self._ends[shard] + count)
    try:
      data = self._readers[shard].read([record])[0]
      arrays, texts = prepared.decode(data, self.modalities)
    except (RuntimeError, ValueError) as error:
      damage = prepared.damaged(path, record, error)
      raise UserError(f'{self.index.name(sequence)}: {damage}') from error
    name = '/'.join(texts.values())
    if (name, len(next(iter(arrays.values())))) != (
      self.index.name(sequence),
      self.index.length[sequence],
    ):
      raise UserError(
        f'{path}: record {record} is {name}, not'
        f' {self.index.name(sequence)}; delete {prepared_index.INDEX_FILE} in'
        ' its folder, so that it is made again'
      )
    for modality, array in arrays.items():
      if fault := modalities.get(modality).unusable(array, ''):
        raise UserError(
          f'{name} (record {record} of {path}): {fault}, then prepare the'
          ' dataset again'
        )
    return _take(arrays, frames)


class CachedSource:
  """Keeps in memory what another source has read (cache='ram')."""

  def __init__(self, source: Source):
    self._source = source
    self.index = source.index
    self.modalities = source.modalities
    self._read: dict[int, Arrays] = {}

  def read(self, sequence: int, frames: np.ndarray | None = None) -> Arrays:
    """Returns frames [k,...] by modality; see `Source`."""
    arrays = self._read.get(int(sequence))
    if arrays is None:
      arrays = self._read[int(sequence)] = self._source.read(sequence)
    return _take(arrays, frames)


def _take(arrays: Arrays, frames: np.ndarray | None) -> Arrays:
  if frames is None:
    return arrays
  return {name: array.take(frames, axis=0) for name, array in arrays.items()}


def _common_frame(
  shapes: Sequence[tuple[int, ...]], name: Any, modality: Modality
) -> tuple[int, ...]:
  """Returns the shape of a frame that all sequences [s,...] share.

  Of point clouds the most points.

  Raises:
    UserError: there is none, or one is empty; `name(row)` says which.
  """
  if not shapes:
    raise UserError('there are no sequences')
  for row, shape in enumerate(shapes):
    if 0 in shape or not modality.fits(shape[1:]):
      raise UserError(
        f'{name(row)}: has shape {list(shape)}, not {modality.shape}'
      )
    if shape[1:] != shapes[0][1:] and not modality.is_drawn:
      raise UserError(
        f'{name(row)}: frames are {shown_size(shape[1:])}, but'
        f' {shown_size(shapes[0][1:])} in {name(0)}'
      )
  return tuple(map(max, zip(*(shape[1:] for shape in shapes), strict=True)))
