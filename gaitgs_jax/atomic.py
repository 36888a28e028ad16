"""Writes files and folders that are complete or absent, even after a crash."""

import contextlib
import errno
import io
import os
import pathlib
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from typing import BinaryIO

from gaitgs_jax import cloud, locks
from gaitgs_jax.errors import UserError

# What file systems without fsync answer, such as some of FUSE.
_NO_SYNC = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)


def write(
  path: pathlib.Path, data: str | bytes, *, follow: bool = True
) -> None:
  """Writes a file on this machine or in a bucket, all of it or none.

  Args:
    path: the file, `cloud.folder`'s in a bucket; folders are made as needed.
    data: the file's whole content; text is written as UTF-8.
    follow: whether to write where a link points to, or to a pipe or a device,
      as a user's --out may be one. False replaces it, as in a run's workdir,
      where nobody asked for one, and makes one folder at most: those of a
      workdir that was moved must not be made again.

  Raises:
    UserError: the file cannot be written; what was there before stays.
  """
  with writing(path, follow=follow) as file:
    file.write(data.encode() if isinstance(data, str) else data)


@contextlib.contextmanager
def writing(path: pathlib.Path, *, follow: bool = True) -> Iterator[BinaryIO]:
  """Opens a file that gets its name once it is whole and on the disk.

  If the body raises, what was there before stays. A pipe or a device, such as
  /dev/stdout, is written to directly.

  Args:
    path: as for `write`.
    follow: as for `write`.

  Raises:
    UserError: the file cannot be written.
  """
  if cloud.is_url(path):  # An object appears once it is whole.
    buffer = io.BytesIO()
    yield buffer
    cloud.put(path, buffer.getvalue())
    return
  with _as_user_error(path):
    if follow and path.exists() and not path.is_file():
      with open(path, 'wb') as file:
        yield file
      return
    if follow:  # A link stays a link: what it points to is replaced.
      path = pathlib.Path(os.path.realpath(path))
    path.parent.mkdir(parents=follow, exist_ok=True)
    with _renamed_when_closed(path) as file:
      yield file


@contextlib.contextmanager
def _renamed_when_closed(path: pathlib.Path) -> Iterator[BinaryIO]:
  # A name of its own, as processes on several machines may write at once.
  temporary = _neighbour(path)
  try:
    with open(temporary, 'xb') as file:
      yield file
      file.flush()
      # Renamed before its content is on the disk, a file may be empty after a
      # power failure.
      _sync(file.fileno())
    os.replace(temporary, path)
  except BaseException:
    with contextlib.suppress(OSError):
      temporary.unlink()
    raise
  sync_folder(path.parent)


def remove_left_over(folder: pathlib.Path, before: float) -> None:
  """Removes what killed writes left in a folder, as far as that is possible.

  Args:
    folder: of the files that were to be written.
    before: time, by the folder's file system, after which a write may go on.
  """
  with contextlib.suppress(OSError):
    for path in folder.iterdir():
      status = path.lstat()
      if (
        re.fullmatch(r'\..+\.[0-9a-f]{8}\.tmp', path.name)
        and stat.S_ISREG(status.st_mode)
        and status.st_mtime < before
      ):
        path.unlink()


def check_new(path: pathlib.Path) -> None:
  """Raises UserError if something is at a path, be it a link to nothing."""
  if os.path.lexists(path):
    raise UserError(f'{path}: exists; delete it, or choose another --out')


@contextlib.contextmanager
def folder(path: pathlib.Path) -> Iterator[pathlib.Path]:
  """Makes a folder that gets its name once it is whole and on the disk.

  The body fills the folder that it is given, a hidden neighbour with a name of
  its own. If the body raises, that is deleted; if the process is killed, the
  next one that makes the same folder deletes it. Nothing else is deleted.

  Args:
    path: the folder to be made; those above it are made as needed.

  Raises:
    UserError: there is something at the path, another process is making the
      folder, or it cannot be written.
  """
  check_new(path)
  with _held(path) as lock:
    check_new(path)  # The process that held the lock may just have made it.
    temporary = _neighbour(path)
    try:
      with _as_user_error(path):
        _remove_left_over(path, lock)
        lock.write_note(temporary.name)
        temporary.mkdir()
      yield temporary
      with _as_user_error(path):
        sync_tree(temporary)
        lock.write_note('')
    except BaseException:
      shutil.rmtree(temporary, ignore_errors=True)
      # Until then its note says which folder the next process has to delete.
      if not temporary.exists():
        lock.remove()
      raise
    try:
      _rename_new(temporary, path)
    finally:
      lock.remove()


def check_writable(path: pathlib.Path) -> None:
  """Looks whether a file can be written, before long work is done for it.

  Args:
    path: as for `write`; one in a bucket is not looked at.

  Raises:
    UserError: it is a folder, or its folder takes no files.
  """
  if cloud.is_url(path):
    return
  with _as_user_error(path):
    if path.is_dir():
      raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if path.exists() and not path.is_file():
      return  # A pipe or a device.
    parent = pathlib.Path(os.path.realpath(path)).parent
    while not os.path.lexists(parent):
      parent = parent.parent
    tempfile.TemporaryFile(dir=parent).close()


@contextlib.contextmanager
def _held(path: pathlib.Path) -> Iterator[locks.Lock]:
  """Holds the lock of a folder to be made, a hidden neighbour of it."""
  with contextlib.ExitStack() as stack:
    with _as_user_error(path):
      path.parent.mkdir(parents=True, exist_ok=True)
      name = path.with_name(f'.{path.name}.lock')
      try:
        lock = stack.enter_context(locks.hold(name))
      except locks.HeldError as error:
        raise UserError(
          f'{path}: another process is making it; wait for it, or choose '
          'another --out'
        ) from error
    yield lock


@contextlib.contextmanager
def _as_user_error(path: pathlib.Path) -> Iterator[None]:
  """Converts errors of the disk into a UserError."""
  try:
    yield
  except OSError as error:
    reason = error.strerror or error
    raise UserError(f'cannot write {path}: {reason}') from error


def _remove_left_over(path: pathlib.Path, lock: locks.Lock) -> None:
  """Removes the unfinished folder of a process that was killed, if any.

  Its name is in the lock file. Without locks it may be another process's.
  """
  name = lock.note()
  pattern = rf'\.{re.escape(path.name)}\.[0-9a-f]{{8}}\.tmp'
  if lock.is_exclusive and re.fullmatch(pattern, name):
    shutil.rmtree(path.with_name(name), ignore_errors=True)


def _neighbour(path: pathlib.Path) -> pathlib.Path:
  """Returns a new hidden name in the same folder."""
  return path.with_name(f'.{path.name}.{secrets.token_hex(4)}.tmp')


def _rename_new(temporary: pathlib.Path, path: pathlib.Path) -> None:
  """Renames a folder, but never replaces one that holds something.

  Raises:
    UserError: there is something at the path, or it takes no name.
  """
  try:
    os.rename(temporary, path)
  except OSError as error:
    reason = error.strerror or error
    if os.path.lexists(path):
      reason = 'something else was written there meanwhile'
    raise UserError(
      f'{path}: {reason}; the result is whole and lies in {temporary}: rename'
      ' that'
    ) from error
  sync_folder(path.parent)


def sync_tree(folder: pathlib.Path) -> None:
  """Puts a folder and all that it holds on the disk.

  Raises:
    OSError: a file cannot be written there.
  """
  for place, _, names in os.walk(folder, topdown=False):
    for name in names:
      sync_file(pathlib.Path(place, name))
    sync_folder(pathlib.Path(place))


def sync_file(path: pathlib.Path) -> None:
  """Puts a file on the disk, where its file system can do that.

  Raises:
    OSError: it cannot be written there, or be opened.
  """
  descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
  try:
    _sync(descriptor)
  finally:
    os.close(descriptor)


def _sync(descriptor: int) -> None:
  """Puts a file on the disk, where its file system can do that."""
  try:
    os.fsync(descriptor)
  except OSError as error:
    if error.errno not in _NO_SYNC:
      raise


def sync_folder(folder: pathlib.Path) -> None:
  """Puts a folder's names on the disk, where its file system can do that."""
  with contextlib.suppress(OSError):
    descriptor = os.open(folder, os.O_RDONLY)
    try:
      os.fsync(descriptor)
    finally:
      os.close(descriptor)
