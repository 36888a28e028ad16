"""The prepared format: how `data/` writes sequences and `input` reads them.

A prepared dataset is a TFDS dataset of ArrayRecord files in the folder
`ROOT/name/variant/version`, one record per sequence, with the features
`frames` (uint8 [s,h,w]) or `keypoints` (float32 [s,v,3]) as raw bytes,
`subject`, `condition` and `view` (text), and the splits 'train' and 'test'.
ArrayRecord compresses each record with zstd, which shrinks silhouettes about
twenty times.

Next to the records lies `sequences.npz`: subject, condition, view and length of
every record in record order, and what a frame is, so that opening a dataset
reads no record. For the orders to agree a builder sets `disable_shuffling=True`
and yields `record_key(number, total)` as keys. Everything but `features` works
without TensorFlow and TFDS.
"""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gaitgs_jax import atomic, cloud, files, local
from gaitgs_jax.errors import UserError, one_line
from gaitgs_jax.input import examples, npz, tfds_json
from gaitgs_jax.input.index import Index, check_names, from_columns, make

SPLITS = ('train', 'test')
FORMAT = 'array_record'  # What TFDS calls the file format.
INDEX_FILE = 'sequences.npz'
# What a record's sequence is called, and its numbers; batches call it the same.
DTYPES: dict[str, np.dtype] = {
  'frames': np.dtype('u1'),
  'keypoints': np.dtype('<f4'),
}
_TEXTS = ('subject', 'condition', 'view')
# That of OU-MVLP, 288,596 sequences, takes 12 MB.
_INDEX_BYTES = 1 << 28
# Files of a split, records of one, and rows or columns of a frame.
_MOST_SHARDS, _MOST_RECORDS, _LARGEST = 1 << 20, 1 << 32, 1 << 14


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
  # It would be written to, and read by nobody.
  if path.exists() and not path.is_file():
    raise UserError(f'{path}: is not a file; remove it')
  with atomic.writing(path) as file:
    np.savez_compressed(file, allow_pickle=False, **arrays)
  return path


def read_index(
  directory: str | os.PathLike,
) -> tuple[dict[str, Index], Layout]:
  """Reads the side-car file: rows of each split, and what a frame is.

  A missing, damaged or stale file is made again by reading every record once.

  Raises:
    UserError: the folder holds no prepared dataset, or only part of one.
  """
  directory = Path(directory)
  layout = stored_layout(directory)
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
    splits = _load_index(directory / INDEX_FILE, lengths, layout)
  except (OSError, ValueError) as error:
    reason = error.strerror if isinstance(error, OSError) else error
    print(
      f'{directory / INDEX_FILE}: cannot be used ({one_line(reason)}); reading'
      ' every record once',
      file=sys.stderr,
    )
    splits, layout = scan(directory)
    try:
      write_index(directory, splits, layout)
    except UserError as error:
      print(f'{directory}: index not kept ({error})', file=sys.stderr)
  return splits, layout


def _load_index(
  path: Path, lengths: Mapping[str, int], layout: Layout
) -> dict[str, Index]:
  """Returns the rows of each split.

  Args:
    path: the side-car file.
    lengths: how many records each split has.
    layout: of the records.

  Raises:
    OSError: the file cannot be read.
    ValueError: it is damaged, or is not that of these records.
  """
  arrays = dict(npz.read(path, _INDEX_BYTES))
  # Written before there were keypoints, an index names no key.
  key = str(arrays.get('key', 'frames'))
  size = tuple(np.asarray(arrays.get('size')).reshape(-1).tolist())
  if Layout(key, size) != layout:
    raise ValueError('it describes other frames than features.json')
  splits = {}
  for split, length in lengths.items():
    columns = [arrays.get(f'{split}/{name}') for name in (*_TEXTS, 'length')]
    splits[split] = index = from_columns(columns)
    if len(index) != length:
      raise ValueError(
        f'it has {len(index)} of the {length} sequences of {split!r}'
      )
  return splits


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
      try:
        values, texts = decode(reader.read([i])[0], layout)
        check_names(texts.values())
        if not len(values):
          raise ValueError('it has no frames')
      except (RuntimeError, ValueError) as error:
        raise damaged(path, i, error) from error
      yield texts['subject'], texts['condition'], texts['view'], len(values)
    reader.close()


def damaged(path: Path, record: int, error: Exception) -> UserError:
  """Returns the error of a record that cannot be read."""
  return UserError(
    f'{path}: record {record} is damaged ({one_line(error)}); copy the file'
    ' again, or prepare the dataset again'
  )


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
  try:
    files.check_regular(path)
  except OSError as error:
    raise UserError(f'{path}: cannot be read ({error.strerror})') from error
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
    UserError: the folder holds no prepared dataset, one of TFDS's other file
      formats, or one without the splits of this package.
  """
  path = Path(directory) / 'dataset_info.json'
  info = tfds_json.read(path)
  if isinstance(info, dict) and info.get('fileFormat') != FORMAT:
    raise UserError(
      f'{directory}: its files are {one_line(info.get("fileFormat"))}, not'
      f' {FORMAT}; prepare it again with `python -m gaitgs_jax prepare`, or'
      f' with `tfds build --file_format={FORMAT}`'
    )
  try:
    # Of an empty split TFDS leaves the lengths out.
    found = {
      split['name']: split.get('shardLengths', []) for split in info['splits']
    }
    lengths = {
      split: [
        tfds_json.count(length, 0, _MOST_RECORDS) for length in found[split]
      ]
      for split in SPLITS
      if split in found
    }
    if not any(map(sum, lengths.values())):
      raise ValueError('no records')
    if max(map(len, lengths.values())) > _MOST_SHARDS:
      raise ValueError('too many files')
  except (AttributeError, KeyError, TypeError, ValueError) as error:
    raise UserError(
      f'{path}: names no splits {" and ".join(SPLITS)} with their lengths'
      f' ({type(error).__name__}: {one_line(error)}); prepare it again'
    ) from error
  return lengths


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
  """Returns what a stored frame is from TFDS's features.json.

  Raises:
    UserError: that is missing, damaged, or of another dataset.
  """
  path = Path(directory) / 'features.json'
  content = tfds_json.read(path)
  try:
    found = content['featuresDict']['features']
    key = 'keypoints' if 'keypoints' in found else 'frames'
    tensor = found[key]['tensor']
    _, height, width = tensor['shape']['dimensions']
    size = (
      tfds_json.count(height, 1, _LARGEST),
      tfds_json.count(width, 1, _LARGEST),
    )
    if tensor['dtype'] != str(DTYPES[key]) or tensor['encoding'] != 'bytes':
      raise ValueError(f'{tensor["dtype"]!r:.80} in {tensor["encoding"]!r:.80}')
  except (KeyError, TypeError, ValueError) as error:
    raise UserError(
      f'{path}: not in the prepared format of this package'
      f' ({type(error).__name__}: {one_line(error)}); make it with `python -m'
      ' gaitgs_jax prepare`'
    ) from error
  return Layout(key, size)


def decode(record: bytes, layout: Layout) -> tuple[np.ndarray, dict[str, str]]:
  """Decodes one record: its sequence [s,...], a view of it, and its texts.

  The record is a serialized tf.train.Example.

  Raises:
    ValueError: the bytes are not a record of that layout.
  """
  fields = dict(examples.fields(memoryview(record)))
  try:
    data = fields[layout.key]
    texts = {name: bytes(fields[name]).decode() for name in _TEXTS}
  except KeyError as error:
    raise ValueError(f'the record has no feature {error}') from error
  values = np.frombuffer(data, DTYPES[layout.key])
  return values.reshape(-1, *layout.size), texts
