"""Where sequences come from: prepared datasets, OpenGait trees, or memory.

A source is an index, held as arrays, and `read`. Sources keep no more than
the index in memory (except `ArraySource` and `CachedSource`, whose purpose is
to), and several threads may read from one.
"""

import concurrent.futures
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from gaitgs_jax import cloud, limits, skeletons
from gaitgs_jax.errors import UserError, one_line, wrong_choice
from gaitgs_jax.input import (
  datasets,
  keypoint_faults,
  masks,
  opengait,
  pickles,
  prepared,
  tree_index,
)
from gaitgs_jax.input.index import Index, concatenate, make
from gaitgs_jax.input.unreadable import CHOICES, Unreadable

__all__ = [
  'ArraySource',
  'CachedSource',
  'Index',
  'OpenGaitSource',
  'PreparedSource',
  'Source',
  'open_source',
]

FORMATS = ('', 'tfds', 'opengait')  # '' is tfds.
CACHES = ('', 'ram')
# Of `config.dataset`.
FIELDS = (
  'name',
  'variant',
  'size',
  'root',
  'format',
  'cache',
  'partition',
  'on_error',
)
# Reading the heads of files waits on the disk more than it computes.
_THREADS = 8
# Pixels; silhouettes have 64 or 128.
_MOST_SIDE = 4096
# Open at once beside the files of a dataset.
_OTHER_FILES = 64


class Source(Protocol):
  """Sequences of silhouettes or skeletons that can be read one at a time."""

  @property
  def index(self) -> Index:
    """Subject, condition, view and length of every sequence."""

  @property
  def key(self) -> str:
    """What a batch calls what is read: 'frames' or 'keypoints'."""

  @property
  def size(self) -> tuple[int, int]:
    """Height and width of the stored frames, or (v, 3) of skeletons."""

  def read(self, sequence: int, frames: np.ndarray | None = None) -> np.ndarray:
    """Returns frames of one sequence, uint8 [k,h,w] or float32 [k,v,3].

    Args:
      sequence: row of the index.
      frames: which frames, integers [k] in any order and number; None for
        all of them.

    Raises:
      UserError: the sequence cannot be read; the message names it.
    """


class ArraySource:
  """Sequences in memory, each uint8 [s,h,w], or each float32 [s,v,3]."""

  def __init__(
    self,
    frames: Sequence[np.ndarray],
    subject: Sequence[str],
    condition: Sequence[str],
    view: Sequence[str],
  ):
    self._frames = [np.asarray(sequence) for sequence in frames]
    lengths = [len(sequence) for sequence in self._frames]
    self.index = make(zip(subject, condition, view, lengths, strict=True))
    is_pose = bool(self._frames) and self._frames[0].dtype.kind == 'f'
    self.key = 'keypoints' if is_pose else 'frames'
    shapes = [sequence.shape for sequence in self._frames]
    self.size = _common_size(shapes, self.index.name, self.key)
    dtype = prepared.DTYPES[self.key]
    for row, sequence in enumerate(self._frames):
      if sequence.dtype != dtype:
        raise UserError(
          f'{self.index.name(row)}: {self.key} are {sequence.dtype}, not'
          f' {dtype}'
        )

  def read(self, sequence: int, frames: np.ndarray | None = None) -> np.ndarray:
    """Returns uint8 [k,h,w] or float32 [k,v,3]; see `Source`."""
    return _take(self._frames[sequence], frames)


class OpenGaitSource:
  """A tree ROOT/subject/condition/view/*.pkl as OpenGait makes, read in place.

  Where a folder holds several pickles, which are modalities, their names tell
  which is read; see `trees.choose_pickle`. Opening reads the head of every
  file, for a large tree those that changed since it was opened before.

  Args:
    root: of the tree; one in a bucket is copied first.
    key: 'frames' for silhouettes, 'keypoints' for skeletons.
    unreadable: takes note of files without a head, which are then no part of
      the source (default: they end the opening).

  Raises:
    UserError: there is no tree, it is half-copied, or a sequence of it is
      empty, damaged or of another size.
  """

  def __init__(
    self,
    root: str | os.PathLike,
    key: str = 'frames',
    unreadable: Unreadable | None = None,
  ):
    self._root = cloud.local_copy(root)
    self.key = key
    found = tree_index.read(self._root, key, unreadable)
    self._files = [each.file for each in found]
    shapes = [each.shape for each in found]
    self.size = _common_size(shapes, lambda row: str(self._path(row)), key)
    subject, condition, view, _ = zip(
      *(file.split('/') for file in self._files), strict=True
    )
    lengths = [shape[0] for shape in shapes]
    self.index = make(zip(subject, condition, view, lengths, strict=True))

  def _path(self, sequence: int) -> Path:
    return self._root / self._files[sequence]

  def read(self, sequence: int, frames: np.ndarray | None = None) -> np.ndarray:
    """Returns uint8 [k,h,w] or float32 [k,v,3]; see `Source`."""
    array = pickles.load(self._path(sequence), self.key)
    if array.shape != (self.index.length[sequence], *self.size):
      raise UserError(
        f'{self._path(sequence)}: has changed while it was in use'
      )
    # `pickles` has seen to frames.
    if self.key == 'keypoints' and (fault := _fault(array, self.key)):
      raise UserError(f'{self._path(sequence)}: {fault}')
    return _take(array, frames)


class PreparedSource:
  """A prepared dataset; see `prepared`. Training sequences come first.

  Raises:
    UserError: the folder holds no prepared dataset, or only part of one.
  """

  def __init__(self, directory: str | os.PathLike):
    self._directory = Path(directory)
    splits, self._layout = prepared.read_index(self._directory)
    self.key, self.size = self._layout
    self.index = concatenate(splits.values())
    self._shards = [
      shard
      for split in splits
      for shard in prepared.shards(self._directory, split)
    ]
    self._ends = np.cumsum([count for _, count in self._shards])
    limits.allow_open_files(len(self._shards) + _OTHER_FILES)
    # Opened now, so that a half-copied file is told at once. Threads may share
    # a reader.
    with concurrent.futures.ThreadPoolExecutor(_THREADS) as threads:
      self._readers = list(
        threads.map(lambda shard: prepared.open_reader(*shard), self._shards)
      )

  def read(self, sequence: int, frames: np.ndarray | None = None) -> np.ndarray:
    """Returns uint8 [k,h,w] or float32 [k,v,3]; see `Source`."""
    shard = int(np.searchsorted(self._ends, sequence, side='right'))
    path, count = self._shards[shard]
    record = int(sequence - self._ends[shard] + count)
    try:
      data = self._readers[shard].read([record])[0]
      array, texts = prepared.decode(data, self._layout)
    except (RuntimeError, ValueError) as error:
      damage = prepared.damaged(path, record, error)
      raise UserError(f'{self.index.name(sequence)}: {damage}') from error
    name = '/'.join(texts.values())
    if (name, len(array)) != (
      self.index.name(sequence),
      self.index.length[sequence],
    ):
      raise UserError(
        f'{path}: record {record} is {name}, not'
        f' {self.index.name(sequence)}; delete {prepared.INDEX_FILE} beside it'
        ' to have it made again'
      )
    fault = _fault(array, self.key)
    if fault:
      raise UserError(
        f'{name} (record {record} of {path}): {fault}, then prepare the dataset'
        ' again'
      )
    return _take(array, frames)


def _fault(array: np.ndarray, key: str) -> str:
  """Returns why a sequence cannot be computed with, '' if it can."""
  return (
    masks.fault(array) if key == 'frames' else keypoint_faults.unusable(array)
  )


class CachedSource:
  """Keeps in memory what another source has read (cache='ram')."""

  def __init__(self, source: Source):
    self._source = source
    self.index = source.index
    self.key = source.key
    self.size = source.size
    self._frames: dict[int, np.ndarray] = {}

  def read(self, sequence: int, frames: np.ndarray | None = None) -> np.ndarray:
    """Returns uint8 [k,h,w] or float32 [k,v,3]; see `Source`."""
    array = self._frames.get(int(sequence))
    if array is None:
      array = self._frames[int(sequence)] = self._source.read(sequence)
    return _take(array, frames)


def _take(array: np.ndarray, frames: np.ndarray | None) -> np.ndarray:
  return array if frames is None else array.take(frames, axis=0)


def _common_size(
  shapes: Sequence[tuple[int, ...]], name: Any, key: str
) -> tuple[int, int]:
  """Returns the (h, w) that all shapes [s,h,w] share, or (v, 3) of [s,v,3].

  Raises:
    UserError: there is none, or one is empty; `name(row)` says which.
  """
  if not shapes:
    raise UserError('there are no sequences')
  wanted = '[s,v,3]' if key == 'keypoints' else '[s,h,w]'
  for row, shape in enumerate(shapes):
    fits = len(shape) == 3 and 0 not in shape
    if not fits or (key == 'keypoints' and shape[2] != 3):
      raise UserError(f'{name(row)}: has shape {list(shape)}, not {wanted}')
    if shape[1:] != shapes[0][1:]:
      raise UserError(
        f'{name(row)}: frames are {shape[1]}x{shape[2]}, but'
        f' {shapes[0][1]}x{shapes[0][2]} in {name(0)}'
      )
  return shapes[0][1], shapes[0][2]


def open_source(
  dataset: Mapping[str, Any], unreadable: Unreadable | None = None
) -> Source:
  """Opens the source that `config.dataset` describes.

  Args:
    dataset: `name` of `datasets.DATASETS`; `size` (h, w) of the model's input,
      or (v, 3) of skeletons; `variant` ('' for the height of `size`, or the
      first one of skeletons); `root` ('' for TFDS's folder); `format` 'tfds' or
      'opengait'; `cache` '' or 'ram'; `partition`; `on_error`.
    unreadable: of `unreadable.create`.

  Raises:
    UserError: a field is wrong, there is no data, or its frames are of
      another size; the message says what mends it.
  """
  check_fields(dataset)
  facts = datasets.get(dataset['name'])
  if dataset.get('format', '') == 'opengait':
    source: Source = OpenGaitSource(_tree(dataset), facts.key, unreadable)
  else:
    source = PreparedSource(_prepared_directory(dataset))
  check_size(source, facts, tuple(dataset['size']))
  return CachedSource(source) if dataset.get('cache', '') else source


def check_fields(dataset: Mapping[str, Any]) -> None:
  """Checks `config.dataset` as far as no data is needed.

  Raises:
    UserError: a field is unknown or wrong.
  """
  for name in dataset:
    if name not in FIELDS:
      raise wrong_choice(f'config.dataset has no field {name!r}', name, FIELDS)
  for name in ('root', 'partition', 'variant'):
    value = dataset.get(name, '')
    if not isinstance(value, str):
      raise UserError(
        f'config.dataset.{name} is {one_line(repr(value))}; it must be text'
      )
  facts = datasets.get(dataset['name'])
  for name, choices in (
    ('format', FORMATS),
    ('cache', CACHES),
    ('on_error', CHOICES),
  ):
    value = dataset.get(name, choices[0])
    if value not in choices:
      raise wrong_choice(f'config.dataset.{name} is {value!r}', value, choices)
  if dataset.get('variant', '') and dataset.get('format', '') != 'opengait':
    datasets.check_variant(facts, dataset['variant'])
  size = dataset.get('size')
  if not (
    isinstance(size, Sequence)
    and len(size) == 2
    and all(isinstance(side, int) and 0 < side <= _MOST_SIDE for side in size)
  ):
    raise UserError(
      f'config.dataset.size is {one_line(repr(size))}; it must be (height, '
      f'width), up to {_MOST_SIDE:,} pixels each, or (joints, 3) of skeletons'
    )


def _tree(dataset: Mapping[str, Any]) -> str:
  root = dataset.get('root', '')
  if not root:
    raise UserError(
      "dataset.format is 'opengait': set dataset.root to the tree's folder"
    )
  return root


def _prepared_directory(dataset: Mapping[str, Any]) -> Path:
  facts = datasets.get(dataset['name'])
  if not facts.views:
    raise UserError(
      'your own data is a tree of pickles, read in place: set '
      f"dataset.format='opengait' for dataset.name={facts.name!r}"
    )
  root = dataset.get('root', '')
  default = facts.variants[0] if facts.skeleton else str(dataset['size'][0])
  variant = dataset.get('variant', '') or default
  datasets.check_variant(facts, variant)
  directory = prepared.find(root, facts.name, variant)
  if directory is None and cloud.is_url(prepared.place(root)):
    raise UserError(
      f'{prepared.place(root)}: no prepared {facts.name} ({variant}); prepare'
      f' it on a disk and copy {facts.name}/{variant} there'
    )
  if directory is None:
    flags = f'--dataset={facts.name} --variant={variant}'
    flags += ' --source=PATH' if facts.subjects else ''
    flags += f' --root={root}' if root else ''
    if root and opengait.is_tree(root):
      raise UserError(
        f'{root}: is an OpenGait tree, not a prepared dataset; set'
        " dataset.format='opengait' to read it in place"
      )
    raise UserError(
      f'{prepared.data_dir(root)}: no prepared {facts.name} ({variant}); make'
      f' it with `python -m gaitgs_jax prepare {flags}`'
    )
  return directory


def check_size(
  source: Source, facts: datasets.Dataset, wanted: tuple[int, ...]
) -> None:
  """Refuses frames that a model's input cannot be cut from.

  Args:
    source: of the frames or skeletons.
    facts: on the dataset that the model was made for.
    wanted: its `dataset.size`.

  Raises:
    UserError: they are of another size, or have another number of joints.
  """
  if facts.skeleton:
    _check_joints(source, facts, wanted)
  else:
    _check_frames(source.size, wanted)


def _check_frames(stored: tuple[int, int], wanted: tuple[int, ...]) -> None:
  spare = stored[1] - wanted[1]
  if stored[0] != wanted[0] or spare < 0 or spare % 2:
    raise UserError(
      f'the stored frames are {stored[0]}x{stored[1]}, from which dataset.size'
      f' {wanted[0]}x{wanted[1]} cannot be cut; take data of height'
      f' {wanted[0]}, for example of `python -m gaitgs_jax pretreat'
      f' --size={wanted[0]}`'
    )


def _check_joints(
  source: Source, facts: datasets.Dataset, wanted: tuple[int, ...]
) -> None:
  """Refuses skeletons of another number of joints than facts and config say."""
  joints = len(skeletons.get(facts.skeleton).joints)
  if source.size[0] != joints:
    raise UserError(
      f'the skeletons have {source.size[0]} joints, but those of {facts.name}'
      f' {joints} ({facts.skeleton}); take the data as it is published, or'
      ' dataset.name of another dataset of skeletons'
    )
  if source.size != wanted:
    raise UserError(
      f'dataset.size is {"x".join(map(str, wanted))}, but {facts.name} has'
      f' skeletons of {joints} joints; set it to ({joints}, 3)'
    )
