"""The side-car file of a prepared dataset, and how it is made again.

It holds subject, condition, view and length of every record in record order,
and what a frame is, so that opening a dataset reads no record.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from gaitgs_jax import atomic, npz
from gaitgs_jax.errors import UserError, one_line
from gaitgs_jax.input.index import Index, check_names, from_columns, make
from gaitgs_jax.input.prepared import (
  FORMAT,
  RENAMED,
  SPLITS,
  TEXTS,
  damaged,
  decode,
  open_reader,
  shard_lengths,
  shards,
  stored_frames,
)
from gaitgs_jax.modalities import Shapes

INDEX_FILE = 'sequences.npz'
# That of OU-MVLP, 288,596 sequences, takes 12 MB.
_INDEX_BYTES = 1 << 28


def write(
  directory: str | os.PathLike,
  splits: Mapping[str, Index],
  frames: Shapes,
) -> Path:
  """Writes the side-car file of a prepared dataset; returns its path.

  Args:
    directory: the dataset's version folder; inside TFDS's own
      `_download_and_prepare` that is `self.data_dir`.
    splits: the rows of each split in record order.
    frames: shapes of the stored ones.

  Raises:
    UserError: it cannot be written.
  """
  arrays = {
    f'frame/{name}': np.asarray(frame, np.int32)
    for name, frame in frames.items()
  }
  for split, index in splits.items():
    for name in (*TEXTS, 'length'):
      arrays[f'{split}/{name}'] = getattr(index, name)
  path = Path(directory) / INDEX_FILE
  # It would be written to, and read by nobody.
  if path.exists() and not path.is_file():
    raise UserError(f'{path}: is not a file; remove it')
  with atomic.writing(path) as file:
    np.savez_compressed(file, allow_pickle=False, **arrays)
  return path


def read(
  directory: str | os.PathLike,
) -> tuple[dict[str, Index], Shapes]:
  """Reads the side-car file: rows of each split, and what a frame is.

  A missing, damaged or stale file is made again by reading every record once.

  Raises:
    UserError: the folder holds no prepared dataset, or only part of one.
  """
  directory = Path(directory)
  frames = stored_frames(directory)
  lengths = {
    split: sum(counts) for split, counts in shard_lengths(directory).items()
  }
  for split in SPLITS:
    if not lengths.get(split) and any(directory.glob(f'*-{split}.{FORMAT}-*')):
      raise UserError(
        f'{directory}: dataset_info.json names no records of {split!r}, but'
        ' there are files of it; copy or prepare the dataset again'
      )
  try:
    splits = _load_index(directory / INDEX_FILE, lengths, frames)
  except (OSError, ValueError) as error:
    reason = error.strerror if isinstance(error, OSError) else error
    print(
      f'{directory / INDEX_FILE}: cannot be used ({one_line(reason)}); reading'
      ' every record once',
      file=sys.stderr,
    )
    splits, frames = _scan(directory)
    try:
      write(directory, splits, frames)
    except UserError as error:
      print(f'{directory}: index not kept ({error})', file=sys.stderr)
  return splits, frames


def _load_index(
  path: Path, lengths: Mapping[str, int], frames: Shapes
) -> dict[str, Index]:
  """Returns the rows of each split.

  Args:
    path: the side-car file.
    lengths: how many records each split has.
    frames: shapes of those in the records.

  Raises:
    OSError: the file cannot be read.
    ValueError: it is damaged, or is not that of these records.
  """
  arrays = dict(npz.read(path, _INDEX_BYTES))
  if _described(arrays) != frames:
    raise ValueError('it describes other frames than features.json')
  splits = {}
  for split, length in lengths.items():
    columns = [arrays.get(f'{split}/{name}') for name in (*TEXTS, 'length')]
    splits[split] = index = from_columns(columns)
    if len(index) != length:
      raise ValueError(
        f'it has {len(index)} of the {length} sequences of {split!r}'
      )
  return splits


def _described(arrays: Mapping[str, np.ndarray]) -> Shapes:
  """Returns the shapes of frames that a side-car file's arrays name."""
  if 'size' in arrays:
    # Of earlier versions, with one modality; the oldest do not say which.
    key = str(arrays.get('key', 'frames'))
    names = {old: name for name, old in RENAMED.items()}
    found = {names.get(key, key): arrays['size']}
  else:
    found = {
      name.removeprefix('frame/'): array
      for name, array in arrays.items()
      if name.startswith('frame/')
    }
  return {
    name: tuple(each.reshape(-1).tolist()) for name, each in found.items()
  }


def _scan(directory: Path) -> tuple[dict[str, Index], Shapes]:
  """Reads every record for what `read` returns, one at a time."""
  frames = stored_frames(directory)
  splits = {}
  for split in SPLITS:
    if split in shard_lengths(directory):
      splits[split] = make(_rows(directory, split, frames))
  return splits, frames


def _rows(
  directory: Path, split: str, frames: Shapes
) -> Iterator[tuple[str, str, str, int]]:
  for path, count in shards(directory, split):
    reader = open_reader(path, count)
    for i in range(count):
      try:
        arrays, texts = decode(reader.read([i])[0], frames)
        check_names(texts.values())
        length = len(next(iter(arrays.values())))
        if not length:
          raise ValueError('it has no frames')
      except (RuntimeError, ValueError) as error:
        raise damaged(path, i, error) from error
      yield texts['subject'], texts['condition'], texts['view'], length
    reader.close()
