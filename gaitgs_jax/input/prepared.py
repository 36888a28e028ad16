"""The prepared format: how `data/` writes sequences and `input` reads them.

A prepared dataset is a TFDS dataset of ArrayRecord files in the folder
`ROOT/name/variant/version`, one record per sequence, with the features
`frames` (uint8 [s,h,w]) or `keypoints` (float32 [s,v,3]) as raw bytes,
`subject`, `condition` and `view` (text), and the splits 'train' and 'test'.
ArrayRecord compresses each record with zstd, which shrinks silhouettes about
twenty times.

Beside the records lies `sequences.npz`: subject, condition, view and length of
every record in record order, and what a frame is, so that opening a dataset
reads no record. For the orders to agree a builder sets `disable_shuffling=True`
and yields `record_key(number, total)` as keys. Everything but `features` works
without TensorFlow and TFDS.
"""

import json
import os
import re
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gaitgs_jax import atomic, cloud, local
from gaitgs_jax.errors import UserError
from gaitgs_jax.input.index import Index, make

SPLITS = ('train', 'test')
FORMAT = 'array_record'  # What TFDS calls the file format.
INDEX_FILE = 'sequences.npz'
# What a record's sequence is called, and its numbers; batches call it the same.
DTYPES: dict[str, np.dtype] = {
  'frames': np.dtype('u1'),
  'keypoints': np.dtype('<f4'),
}
_TEXTS = ('subject', 'condition', 'view')


class Layout(NamedTuple):
  """What one frame of a stored sequence is.

  Attributes:
    key: 'frames' or 'keypoints'.
    size: its axes: (h, w), or (v, 3) of v joints.
  """

  key: str
  size: tuple[int, int]


def features(layout: Layout) -> Any:
  """Returns the TFDS features of sequences of a layout."""
  import tensorflow_datasets as tfds

  return tfds.features.FeaturesDict(
    {
      # Bytes, not zlib: ArrayRecord already compresses, and its zstd reads
      # three times as fast. Without an encoding TFDS stores int64 lists.
      layout.key: tfds.features.Tensor(
        shape=(None, *layout.size),
        dtype=DTYPES[layout.key].type,
        encoding='bytes',
      ),
      **{name: tfds.features.Text() for name in _TEXTS},
    }
  )


def record_key(number: int, total: int) -> int:
  """Returns the TFDS key of record `number` of `total` in one split.

  TFDS sorts a split's records by key in 1,000 buckets of the 128-bit key
  space, each bucket in memory. Keys 0, 1, 2... would all fall into the first
  one and need the whole split in memory; spread keys keep the same order.
  """
  if not 0 <= number < total:
    raise ValueError(f'record {number} of {total}')
  return (number << 128) // total


def place(root: str | os.PathLike = '') -> str:
  """Returns where prepared datasets lie: `root`, or TFDS's default folder."""
  default = os.environ.get('TFDS_DATA_DIR', '~/tensorflow_datasets')
  return os.fspath(root or default)


def data_dir(root: str | os.PathLike = '') -> Path:
  """Returns `place` as a folder of this machine.

  Raises:
    UserError: it is in a bucket.
  """
  return local.path(place(root))


def find(root: str | os.PathLike, name: str, variant: str) -> Path | None:
  """Returns the newest prepared version of a dataset, or None.

  Of one in a bucket that version is copied, and its copy returned.

  Raises:
    UserError: the bucket cannot be read, or there is no room for the copy.
  """
  folder = os.path.join(place(root), name, variant)
  if cloud.is_url(folder):
    infos = list(cloud.files(folder))
  else:
    found = local.path(folder).glob('*/dataset_info.json')
    infos = ['/'.join(path.parts[-2:]) for path in found if path.is_file()]
  pattern = re.compile(r'(\d+)\.(\d+)\.(\d+)/dataset_info\.json')
  versions = [
    match.groups() for match in map(pattern.fullmatch, infos) if match
  ]
  if not versions:
    return None
  newest = max(versions, key=lambda numbers: tuple(map(int, numbers)))
  return cloud.local_copy(os.path.join(folder, '.'.join(newest)))


def write_index(
  directory: str | os.PathLike,
  splits: Mapping[str, Index],
  layout: Layout,
) -> Path:
  """Writes the side-car file of a prepared dataset; returns its path.

  Args:
    directory: the dataset's version folder; inside TFDS's own
      `_download_and_prepare` that is `self.data_dir`.
    splits: the rows of each split in record order.
    layout: of the stored sequences.

  Raises:
    UserError: it cannot be written.
  """
  arrays = {
    'key': np.asarray(layout.key),
    'size': np.asarray(layout.size, np.int32),
  }
  for split, index in splits.items():
    for name in (*_TEXTS, 'length'):
      arrays[f'{split}/{name}'] = getattr(index, name)
  path = Path(directory) / INDEX_FILE
  with atomic.writing(path) as file:
    np.savez_compressed(file, allow_pickle=False, **arrays)
  return path


def read_index(
  directory: str | os.PathLike,
) -> tuple[dict[str, Index], Layout]:
  """Reads the side-car file: rows of each split, and what a frame is.

  A missing or stale file is made again by reading every record once.

  Raises:
    UserError: the folder holds no prepared dataset, or only part of one.
  """
  directory = Path(directory)
  lengths = shard_lengths(directory)
  try:
    splits, layout = _load_index(directory / INDEX_FILE)
    stale = any(sum(lengths.get(s, [])) != len(splits[s]) for s in splits)
  except (OSError, ValueError, KeyError, zipfile.BadZipFile):
    stale = True
  if stale:
    print(
      f'{directory}: no usable {INDEX_FILE}; reading every record once',
      file=sys.stderr,
    )
    splits, layout = scan(directory)
    try:
      write_index(directory, splits, layout)
    except UserError as error:
      print(f'{directory}: index not kept ({error})', file=sys.stderr)
  return splits, layout


def _load_index(path: Path) -> tuple[dict[str, Index], Layout]:
  # Opened here: numpy leaves a damaged file that it opened itself open.
  with path.open('rb') as file, np.load(file, allow_pickle=False) as arrays:
    height, width = arrays['size'].tolist()
    # Written before there were keypoints, an index names no key.
    key = str(arrays['key']) if 'key' in arrays else 'frames'
    if key not in DTYPES:
      raise ValueError(key)
    splits = {
      split: Index(*(arrays[f'{split}/{n}'] for n in (*_TEXTS, 'length')))
      for split in SPLITS
      if f'{split}/length' in arrays
    }
  return splits, Layout(key, (height, width))


def scan(
  directory: str | os.PathLike,
) -> tuple[dict[str, Index], Layout]:
  """Reads every record for what `read_index` returns, one at a time."""
  directory = Path(directory)
  layout = stored_layout(directory)
  splits = {}
  for split in SPLITS:
    if split in shard_lengths(directory):
      splits[split] = make(_rows(directory, split, layout))
  return splits, layout


def _rows(
  directory: Path, split: str, layout: Layout
) -> Iterator[tuple[str, str, str, int]]:
  for path, count in shards(directory, split):
    reader = open_reader(path, count)
    for i in range(count):
      frames, texts = decode(reader.read([i])[0], layout)
      yield texts['subject'], texts['condition'], texts['view'], len(frames)
    reader.close()


def open_reader(path: Path, count: int) -> Any:
  """Opens one ArrayRecord file of `count` records for random access.

  Raises:
    UserError: the file is damaged, or `array_record` is not installed.
  """
  try:
    from array_record.python import array_record_module
  except ImportError as error:
    raise UserError(
      'prepared datasets need the package array_record; install it with'
      ' `pip install array_record`, or read an OpenGait tree instead'
    ) from error
  reader = array_record_module.ArrayRecordReader(
    str(path),
    options='readahead_buffer_size:0,max_parallelism:0',
    file_reader_buffer_size=32768,
  )
  if not reader.ok() or reader.num_records() != count:
    raise UserError(
      f'{path}: damaged or cut short ({count} records expected); copy or'
      ' prepare it again'
    )
  return reader


def shard_lengths(directory: str | os.PathLike) -> dict[str, list[int]]:
  """Returns records per file of each split, as TFDS noted them.

  Raises:
    UserError: the folder holds no prepared dataset, or one of TFDS's other
      file formats.
  """
  info = _read_json(Path(directory) / 'dataset_info.json')
  if isinstance(info, dict) and info.get('fileFormat') != FORMAT:
    raise UserError(
      f'{directory}: its files are {info.get("fileFormat")}, not {FORMAT};'
      ' prepare it again with `python -m gaitgs_jax prepare`, or with'
      f' `tfds build --file_format={FORMAT}`'
    )
  try:
    return {
      split['name']: [int(length) for length in split['shardLengths']]
      for split in info['splits']
    }
  except (KeyError, TypeError, ValueError) as error:
    raise UserError(
      f'{directory}: dataset_info.json names no splits; prepare it again'
    ) from error


def shards(directory: str | os.PathLike, split: str) -> list[tuple[Path, int]]:
  """Returns (file, records in it) of a split in record order.

  Raises:
    UserError: a file is missing, as in a half-copied dataset.
  """
  directory = Path(directory)
  lengths = shard_lengths(directory)[split]
  found = []
  for i, length in enumerate(lengths):
    pattern = f'*-{split}.{FORMAT}-{i:05d}-of-{len(lengths):05d}'
    paths = sorted(directory.glob(pattern))
    if not paths:
      raise UserError(
        f'{directory}: {pattern} is missing; the dataset is half-copied,'
        ' copy or prepare it again'
      )
    found.append((paths[0], length))
  return found


def stored_layout(directory: str | os.PathLike) -> Layout:
  """Returns what a stored frame is from TFDS's features.json."""
  content = _read_json(Path(directory) / 'features.json')
  try:
    found = content['featuresDict']['features']
    key = 'keypoints' if 'keypoints' in found else 'frames'
    tensor = found[key]['tensor']
    _, height, width = map(int, tensor['shape']['dimensions'])
    if tensor['dtype'] != DTYPES[key] or tensor['encoding'] != 'bytes':
      raise ValueError(tensor)
  except (KeyError, TypeError, ValueError) as error:
    raise UserError(
      f'{directory}: not in the prepared format of this package; make it'
      ' with `python -m gaitgs_jax prepare`'
    ) from error
  return Layout(key, (height, width))


def _read_json(path: Path) -> Any:
  try:
    return json.loads(path.read_text())
  except (OSError, ValueError) as error:
    raise UserError(
      f'{path.parent}: no prepared dataset there ({path.name} cannot be'
      ' read); make one with `python -m gaitgs_jax prepare`'
    ) from error


def decode(record: bytes, layout: Layout) -> tuple[np.ndarray, dict[str, str]]:
  """Decodes one record: its sequence [s,...], a view of it, and its texts.

  The record is a serialized tf.train.Example. Its few fields are walked here,
  as parsing with TensorFlow copies the frames and costs its import.

  Raises:
    ValueError: the bytes are not a record of that layout.
  """
  fields = dict(_features(memoryview(record)))
  try:
    data = fields[layout.key]
    texts = {name: bytes(fields[name]).decode() for name in _TEXTS}
  except KeyError as error:
    raise ValueError(f'the record has no feature {error}') from error
  values = np.frombuffer(data, DTYPES[layout.key])
  return values.reshape(-1, *layout.size), texts


def _features(example: memoryview) -> Iterator[tuple[str, memoryview]]:
  """Yields (name, first bytes value) of a tf.train.Example's features."""
  # Example.features = 1, Features.feature = 1: a map of entries (key = 1,
  # value = 2), Feature.bytes_list = 1, BytesList.value = 1.
  for entry in _parts(_part(example, 1), 1):
    name = bytes(_part(entry, 1)).decode()
    yield name, _part(_part(_part(entry, 2), 1), 1)


def _part(message: memoryview, number: int) -> memoryview:
  part = next(_parts(message, number), None)
  # Protocol buffers leave empty values out.
  return memoryview(b'') if part is None else part


def _parts(message: memoryview, number: int) -> Iterator[memoryview]:
  """Yields the length-delimited fields of one number in a message."""
  position = 0
  while position < len(message):
    tag, position = _varint(message, position)
    if tag & 7 != 2:
      raise ValueError('the record is not one of this format')
    length, position = _varint(message, position)
    if position + length > len(message):
      raise ValueError('the record is cut short')
    if tag >> 3 == number:
      yield message[position : position + length]
    position += length


def _varint(message: memoryview, position: int) -> tuple[int, int]:
  value = 0
  for shift in range(0, 64, 7):
    if position >= len(message):
      raise ValueError('the record is cut short')
    byte = message[position]
    position += 1
    value |= (byte & 127) << shift
    if byte < 128:
      return value, position
  raise ValueError('the record is not one of this format')
