"""The prepared format: how `data/` writes sequences and `input` reads them.

A prepared dataset is a TFDS dataset of ArrayRecord files in the folder
`ROOT/name/variant/version`, one record per sequence, with a feature for each of
its modalities (`silhouettes`, `keypoints`, ...) as raw bytes, all of as many
frames, `subject`, `condition` and `view` (text), and the splits 'train' and
'test'. ArrayRecord compresses each record with zstd, which shrinks silhouettes
about twenty times.

Next to the records lies an index of them, see `prepared_index`. For the orders
to agree a builder sets `disable_shuffling=True` and yields
`record_key(number, total)` as keys. Everything but `features` works without
TensorFlow and TFDS.
"""

import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from gaitgs_jax import cloud, files, local, modalities
from gaitgs_jax.errors import UserError, one_line
from gaitgs_jax.input import examples, tfds_json
from gaitgs_jax.modalities import Arrays, Shapes

SPLITS = ('train', 'test')
FORMAT = 'array_record'  # What TFDS calls the file format.
# Features of earlier versions that have another name now.
RENAMED = {'silhouettes': 'frames'}
TEXTS = ('subject', 'condition', 'view')
# Files of a split, records of one, and the length of an axis of a frame.
_MOST_SHARDS, _MOST_RECORDS, _LARGEST = 1 << 20, 1 << 32, 1 << 14


def features(frames: Shapes) -> Any:
  """Returns the TFDS features of sequences of such frames."""
  import tensorflow_datasets as tfds

  return tfds.features.FeaturesDict(
    {
      # Bytes, not zlib: ArrayRecord already compresses, and its zstd reads
      # three times as fast. Without an encoding TFDS stores int64 lists.
      **{
        name: tfds.features.Tensor(
          shape=(None, *frame),
          dtype=modalities.get(name).dtype.type,
          encoding='bytes',
        )
        for name, frame in frames.items()
      },
      **{name: tfds.features.Text() for name in TEXTS},
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


def folder_of(root: str | os.PathLike = '') -> str:
  """Returns where prepared datasets lie: `root`, or TFDS's default folder."""
  default = os.environ.get('TFDS_DATA_DIR', '~/tensorflow_datasets')
  return os.fspath(root or default)


def data_dir(root: str | os.PathLike = '') -> Path:
  """Returns `folder_of` as a folder of this machine.

  Raises:
    UserError: it is in a bucket.
  """
  return local.path(folder_of(root))


def find(root: str | os.PathLike, name: str, variant: str) -> Path | None:
  """Returns the newest prepared version of a dataset, or None.

  Of one in a bucket that version is copied, and its copy returned.

  Raises:
    UserError: the bucket cannot be read, or there is no room for the copy.
  """
  folder = os.path.join(folder_of(root), name, variant)
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


def stored_frames(directory: str | os.PathLike) -> Shapes:
  """Returns the shape of a frame of each stored modality.

  They are those of TFDS's features.json.

  Raises:
    UserError: that is missing, damaged, or of another dataset.
  """
  path = Path(directory) / 'features.json'
  content = tfds_json.read(path)
  try:
    stored = content['featuresDict']['features']
    features = {
      name: stored.get(name, stored.get(RENAMED.get(name)))
      for name in modalities.MODALITIES
    }
    found = {
      name: _frame(modalities.get(name), feature['tensor'])
      for name, feature in features.items()
      if feature is not None
    }
    if not found:
      raise ValueError('no modality is among its features')
  except (AttributeError, KeyError, TypeError, ValueError) as error:
    raise UserError(
      f'{path}: not in the prepared format of this package'
      f' ({type(error).__name__}: {one_line(error)}); make it with `python -m'
      ' gaitgs_jax prepare`'
    ) from error
  return found


def _frame(modality: modalities.Modality, tensor: Any) -> tuple[int, ...]:
  """Returns the shape of a frame that TFDS describes.

  Raises:
    KeyError, TypeError, ValueError: it is not one of that modality.
  """
  _, *lengths = tensor['shape']['dimensions']
  frame = tuple(tfds_json.count(length, 1, _LARGEST) for length in lengths)
  if not modality.fits(frame):
    raise ValueError(f'{modality.title} of {frame!r:.80}')
  if tensor['dtype'] != str(modality.dtype) or tensor['encoding'] != 'bytes':
    raise ValueError(f'{tensor["dtype"]!r:.80} in {tensor["encoding"]!r:.80}')
  return frame


def decode(record: bytes, frames: Shapes) -> tuple[Arrays, dict[str, str]]:
  """Decodes one record, a serialized tf.train.Example.

  Args:
    record: its bytes.
    frames: of the modalities that are wanted.

  Returns:
    Views of its sequences [s,...] by modality, all of one length, and its
    texts.

  Raises:
    ValueError: the bytes are not a record of such frames.
  """
  fields = dict(examples.fields(memoryview(record)))
  try:
    texts = {name: bytes(fields[name]).decode() for name in TEXTS}
    arrays = {
      name: np.frombuffer(
        fields[name if name in fields else RENAMED.get(name, name)],
        modalities.get(name).dtype,
      ).reshape(-1, *frame)
      for name, frame in frames.items()
    }
  except KeyError as error:
    raise ValueError(f'the record has no feature {error}') from error
  if len({len(array) for array in arrays.values()}) > 1:
    raise ValueError('its modalities have different numbers of frames')
  return arrays, texts
