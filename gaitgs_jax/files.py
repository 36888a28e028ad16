"""Opens files that are not trusted.

A file called `config.json` may be a pipe without a writer, an endless device, a
link to one, or a sparse file of a terabyte. So only regular files are opened,
and each kind of file has a size limit.
"""

import errno
import json
import math
import os
import pathlib
import stat
import time
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, TypeVar

from gaitgs_jax import cloud

# Configs, partitions, TFDS's facts on a dataset, evaluations: OU-MVLP's
# partition has 0.3 MB, an evaluation of 14 views 0.1 MB.
JSON_BYTES = 16 << 20
# A file that changes twice within one tick of the disk's clock shows one time.
TICK_NS = 2_000_000_000
_PIECE = 1 << 16
# Objects in objects; a config has four.
_DEEPEST = 32
# Seconds to wait before each further try to read.
_WAITS = (0.1, 0.5, 2.0)
# What no further try changes: the file is missing, or is not a file.
LASTING = (
  errno.ENOENT,
  errno.ENOTDIR,
  errno.EISDIR,
  errno.EINVAL,
  errno.EFBIG,
  errno.ELOOP,
  errno.ENAMETOOLONG,
)

T = TypeVar('T')


def open_regular(path: str | os.PathLike, limit: int | None = None) -> BinaryIO:
  """Opens a file of this machine to read its bytes.

  Args:
    path: the file, or a link to it.
    limit: bytes that it may have; None for any number.

  Raises:
    OSError: it cannot be opened, is a pipe, a socket, a device or a folder, or
      is larger.
  """
  descriptor, _ = open_descriptor(path, limit)
  return os.fdopen(descriptor, 'rb')


def open_descriptor(
  path: str | os.PathLike, limit: int | None = None
) -> tuple[int, os.stat_result]:
  """Opens a file as `open_regular` and returns its descriptor and facts."""
  # Before it is opened, which has side effects for some devices.
  _check(os.stat(path), limit)
  # It may have been replaced by now: never wait for the writer of a pipe.
  descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
  try:
    status = os.fstat(descriptor)
    _check(status, limit)
  except OSError:
    os.close(descriptor)
    raise
  return descriptor, status


def check_regular(path: pathlib.Path) -> None:
  """Checks what a library is going to open by itself.

  Raises:
    OSError: as `open_regular`.
  """
  _check(path.stat(), None)


def _check(status: os.stat_result, limit: int | None) -> None:
  if stat.S_ISDIR(status.st_mode):
    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
  if not stat.S_ISREG(status.st_mode):
    raise OSError(errno.EINVAL, 'Not a file but a pipe, a socket or a device')
  _check_size(status.st_size, limit)


def _check_size(size: int, limit: int | None) -> None:
  if limit is not None and size > limit:
    raise OSError(errno.EFBIG, f'Larger than {limit:,} bytes')


def read(path: pathlib.Path, limit: int) -> bytes:
  """Returns what a file on this machine or in a bucket holds.

  Raises:
    OSError: as `open_regular`.
  """
  if cloud.is_url(path):
    facts: Any = path.stat()  # As etils names them.
    _check_size(facts.length, limit)
    return path.read_bytes()
  with open_regular(path, limit) as file:
    data = file.read(os.fstat(file.fileno()).st_size)
    # Some files, as in /proc, are longer than their size says.
    while more := file.read(_PIECE):
      data += more
      _check_size(len(data), limit)
  return data


def retried(call: Callable[[], T]) -> T:
  """Calls what reads, again where it fails as network disks do at times.

  Raises:
    OSError: it failed each time, or a file is missing or not a file.
  """
  for wait in _WAITS:
    try:
      return call()
    except OSError as error:
      if error.errno in LASTING:
        raise
      time.sleep(wait)
  return call()


def read_json(path: pathlib.Path) -> Any:
  """Returns what a small JSON file holds.

  Raises:
    OSError: as `open_regular`.
    ValueError: it is not JSON, nested deeply, names a field twice, or holds a
      number that is not finite.
  """
  value = parse_json(read(path, JSON_BYTES), object_pairs_hook=_fields)
  for item in _items(value):
    if isinstance(item, float) and not math.isfinite(item):
      raise ValueError('it holds a number that is not finite')
  return value


def parse_json(data: bytes, **options: Any) -> Any:
  """Returns `json.loads`'s result.

  Raises:
    ValueError: it is not JSON.
  """
  try:
    return json.loads(data, **options)
  except RecursionError as error:
    raise ValueError('it is nested too deeply') from error


def _fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
  fields = dict(pairs)
  if len(fields) < len(pairs):
    names = [name for name, _ in pairs]
    twice = next(name for name in fields if names.count(name) > 1)
    raise ValueError(f'it names the field {twice[:80]!r} twice')
  return fields


def _items(value: Any) -> Iterator[Any]:
  """Yields what lists and objects hold; never by recursion.

  Raises:
    ValueError: they hold one another too deeply.
  """
  left = [(value, 0)]
  while left:
    item, depth = left.pop()
    if depth > _DEEPEST:
      raise ValueError('it is nested too deeply')
    yield item
    if isinstance(item, dict):
      item = list(item.values())
    if isinstance(item, list):
      left += [(each, depth + 1) for each in item]
