"""Writing files that are whole or not there, after a crash too."""

import contextlib
import io
import os
import pathlib
import secrets
from collections.abc import Iterator
from typing import BinaryIO

from gaitgs_jax import cloud
from gaitgs_jax.errors import UserError


def write(path: pathlib.Path, data: str | bytes) -> None:
  """Writes a file on this machine or in a bucket, all of it or none.

  Args:
    path: the file, `cloud.folder`'s in a bucket; folders are made as needed.
    data: the file's whole content; text is written as UTF-8.

  Raises:
    UserError: the file cannot be written; what was there before stays.
  """
  with writing(path) as file:
    file.write(data.encode() if isinstance(data, str) else data)


@contextlib.contextmanager
def writing(path: pathlib.Path) -> Iterator[BinaryIO]:
  """Opens a file that gets its name once it is whole and on the disk.

  If the body raises, what was there before stays. A pipe or a device, such as
  /dev/stdout, is written to directly.

  Args:
    path: as for `write`.

  Raises:
    UserError: the file cannot be written.
  """
  if cloud.is_url(path):  # An object appears once it is whole.
    buffer = io.BytesIO()
    yield buffer
    cloud.put(path, buffer.getvalue())
    return
  try:
    if path.exists() and not path.is_file():
      with open(path, 'wb') as file:
        yield file
      return
    # A link stays a link: what it points to is replaced.
    path = pathlib.Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    with _renamed_when_closed(path) as file:
      yield file
  except OSError as error:
    reason = error.strerror or error
    raise UserError(f'cannot write {path}: {reason}') from error


@contextlib.contextmanager
def _renamed_when_closed(path: pathlib.Path) -> Iterator[BinaryIO]:
  # A name of its own, as processes on several machines may write at once.
  temporary = path.with_name(f'.{path.name}.{secrets.token_hex(4)}.tmp')
  try:
    with open(temporary, 'xb') as file:
      yield file
      file.flush()
      # Renamed before its content is on the disk, a file may be empty after a
      # power failure.
      os.fsync(file.fileno())
    os.replace(temporary, path)
  except BaseException:
    with contextlib.suppress(OSError):
      temporary.unlink()
    raise
  _sync_folder(path.parent)


def _sync_folder(folder: pathlib.Path) -> None:
  """Puts a rename on the disk, where the file system can do that."""
  with contextlib.suppress(OSError):
    descriptor = os.open(folder, os.O_RDONLY)
    try:
      os.fsync(descriptor)
    finally:
      os.close(descriptor)
