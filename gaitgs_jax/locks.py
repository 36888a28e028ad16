"""Lock files: one process at a time, where the file system has locks."""

import contextlib
import errno
import fcntl
import os
import pathlib
import sys
from collections.abc import Iterator

# What file systems without locks answer, such as NFS without lockd or Lustre
# mounted without flock.
_UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
# Longest note that is read from a lock file, in bytes.
_LONGEST_NOTE = 1000


class HeldError(Exception):
  """Another process holds a lock; the text is its note."""


class Lock:
  """A lock file that this process holds.

  Attributes:
    is_exclusive: False where the file system has no locks, so that another
      process may be at work.
  """

  def __init__(self, path: pathlib.Path, descriptor: int, is_exclusive: bool):
    self.is_exclusive = is_exclusive
    self._path, self._descriptor = path, descriptor

  def note(self) -> str:
    """Returns what this process, or the one before it, noted in the file."""
    return os.pread(self._descriptor, _LONGEST_NOTE, 0).decode(errors='replace')

  def write_note(self, text: str) -> None:
    """Replaces the note, which others may read.

    Raises:
      OSError: the disk is full.
    """
    os.ftruncate(self._descriptor, 0)
    os.pwrite(self._descriptor, text.encode(errors='replace'), 0)

  def remove(self) -> None:
    """Removes the lock file; the lock is held until the block ends."""
    with contextlib.suppress(OSError):
      self._path.unlink()


@contextlib.contextmanager
def hold(path: pathlib.Path, wait: bool = False) -> Iterator[Lock]:
  """Holds a lock file, which is made if it does not exist.

  Without locks in the file system a line on standard error says so, and the
  body runs all the same.

  Args:
    path: the file, in a folder that exists; it is not followed if it is a link.
    wait: for the process that holds it, rather than raising.

  Raises:
    HeldError: another process holds it.
    OSError: the file cannot be made.
  """
  while True:
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(path, flags, 0o666)
    try:
      is_exclusive = _acquire(path, descriptor, wait)
      # The process that held it may have removed it meanwhile.
      if _is_at(path, descriptor):
        yield Lock(path, descriptor, is_exclusive)
        return
    finally:
      os.close(descriptor)


def _acquire(path: pathlib.Path, descriptor: int, wait: bool) -> bool:
  """Locks a file; returns False where its file system has no locks."""
  try:
    fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
  except BlockingIOError as error:
    note = os.pread(descriptor, _LONGEST_NOTE, 0).decode(errors='replace')
    raise HeldError(note) from error
  except OSError as error:
    if error.errno not in _UNSUPPORTED:
      raise
    print(
      f'warning: {path} cannot be locked ({error.strerror}): make sure that no '
      'other process writes there',
      file=sys.stderr,
      flush=True,
    )
    return False
  return True


def _is_at(path: pathlib.Path, descriptor: int) -> bool:
  try:
    return os.path.samestat(os.lstat(path), os.fstat(descriptor))
  except FileNotFoundError:
    return False
