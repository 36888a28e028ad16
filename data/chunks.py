"""A preparation's work folder: what is finished of it, a few sequences a file.

Helper processes write it; imports no TensorFlow.
"""

import contextlib
import dataclasses
import errno
import functools
import hashlib
import io
import os
import sys
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from gaitgs_jax import atomic, locks
from gaitgs_jax.data import work
from gaitgs_jax.errors import UserError

_SUFFIX = '.chunk'
_LOCK = 'lock'
# What TFDS makes in the folder that it is given for downloads.
_EXTRACTED = 'extracted'
_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextlib.contextmanager
def exclusive(folder: Path) -> Iterator[locks.Lock]:
  """Makes a work folder and keeps other processes out of it.

  Raises:
    UserError: another process is using it, or it cannot be made.
  """
  with contextlib.ExitStack() as stack:
    lock = None
    while not lock:
      try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = stack.enter_context(locks.hold(folder / _LOCK))
      except FileNotFoundError:
        continue  # Another process has just removed the folder.
      except locks.HeldError as error:
        raise UserError(
          f'{folder}: another process is preparing this dataset; wait for it'
        ) from error
      except OSError as error:
        if error.errno in _FULL:
          raise full(folder) from error
        raise UserError(
          f'{folder}: cannot be made ({error.strerror})'
        ) from error
    yield lock


def remove(folder: Path) -> None:
  """Removes a work folder; what is not of a preparation stays in it."""
  ours = (*folder.glob(f'*{_SUFFIX}'), *folder.glob(f'.*{_SUFFIX}.*.tmp'))
  with contextlib.suppress(OSError):
    for path in (*ours, folder / _LOCK):
      path.unlink(missing_ok=True)
    with contextlib.suppress(FileNotFoundError):
      folder.joinpath(_EXTRACTED).rmdir()
    folder.rmdir()


@dataclasses.dataclass(frozen=True)
class Chunk:
  """A few sequences that go into one file of a work folder.

  The file is there whole or not at all, and is named after the calls, the
  content of the files they read and the code: so an interrupted preparation
  goes on where it stopped, and what was copied or replaced since then is read
  again.

  Attributes:
    folder: the work folder.
    calls: make one sequence each.
  """

  folder: str
  calls: tuple[work.Call, ...]

  @property
  def path(self) -> Path:
    """The chunk's file, for what the sources hold now."""
    facts = (self.calls, [*map(_content, self.calls)], _code())
    digest = hashlib.sha256(repr(facts).encode(errors='surrogateescape'))
    return Path(self.folder, digest.hexdigest()[:32] + _SUFFIX)

  def __call__(self) -> Path:
    """Makes the file where it is missing or damaged; returns its path.

    Raises:
      UserError: a sequence cannot be read or changed meanwhile, or the disk is
        full.
    """
    path = self.path
    if is_whole(path):
      return path
    if path.exists():
      print(
        f'note: {path}: is damaged; it is made again',
        file=sys.stderr,
        flush=True,
      )
    try:
      with atomic.writing(path) as file:
        _write(file, (call() for call in self.calls))
        if self.path != path:
          first, last = self.calls[0].source, self.calls[-1].source
          raise UserError(
            f'{first} to {last}: files there changed while they were read; wait'
            ' until they are copied and run the same command again'
          )
    except UserError as error:
      if getattr(error.__cause__, 'errno', None) not in _FULL:
        raise
      raise full(self.folder) from error
    return path

  def load(self, path: Path) -> Iterator[np.ndarray]:
    """Yields each sequence; a file that is damaged or gone is made again.

    Args:
      path: of the file that was made.

    Raises:
      UserError: the file is damaged again, or as calling raises.
    """
    if not is_whole(path):
      path = self()
      if not is_whole(path):
        raise UserError(
          f'{path}: is damaged as soon as it is written; is the disk sound?'
          ' Choose another one with --root'
        )
    with path.open('rb') as file, np.load(file) as arrays:
      for name in arrays.files:
        yield arrays[name]


def _write(file: BinaryIO, arrays: Iterable[np.ndarray]) -> None:
  """Writes an npz file, one array in memory at a time, and its digest."""
  hashed = _Hashed(file)
  # A quarter larger than at the default level, in a quarter of the time.
  with zipfile.ZipFile(
    hashed, 'w', zipfile.ZIP_DEFLATED, compresslevel=1
  ) as archive:
    for number, array in enumerate(arrays):
      with archive.open(f'{number}.npy', 'w', force_zip64=True) as member:
        np.lib.format.write_array(member, array, allow_pickle=False)
  file.write(hashed.digest.digest())


class _Hashed(io.RawIOBase):
  """Passes on what is written, and computes its digest."""

  def __init__(self, file: BinaryIO):
    self._file, self.digest = file, hashlib.sha256()

  def writable(self) -> bool:
    return True

  def write(self, data: Any) -> int:
    self.digest.update(data)
    return self._file.write(data)


def is_whole(path: Path) -> bool:
  """Returns whether a chunk's file is there and as it was written.

  Raises:
    UserError: it cannot be read.
  """
  try:
    with path.open('rb') as file:
      size = os.fstat(file.fileno()).st_size
      digest = hashlib.sha256()
      work.read_into(digest, file, size - digest.digest_size)
      return file.read() == digest.digest()
  except FileNotFoundError:
    return False
  except OSError as error:
    raise UserError(f'{path}: cannot be read ({error.strerror})') from error


def full(folder: str | Path) -> UserError:
  """Returns the error of a full disk."""
  return UserError(
    f'{folder}: the disk is full; make room and run the same command again, it'
    ' goes on from here'
  )


def _content(call: work.Call) -> list[tuple[str, str]] | None:
  """Returns the digests of what a call reads, None if it cannot be read."""
  try:
    return call.digests()
  except (OSError, UserError):
    return None  # The call says what is wrong.


@functools.cache
def _code() -> str:
  """Returns a digest of the code that makes sequences."""
  digest = hashlib.sha256()
  for folder in ('input', 'synthetic'):
    for path in sorted(Path(atomic.__file__).with_name(folder).glob('*.py')):
      digest.update(path.read_bytes())
  return digest.hexdigest()
