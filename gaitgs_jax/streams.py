"""Standard output and error, which may be closed, broken or full.

A terminal is closed, `head` has read enough, the disk that holds a log is full,
or nobody reads a pipe. What a command prints last may be all that it is for;
the progress of a run is never worth the run.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

# A pipe that can be written to takes as many bytes at once, by POSIX.
_PART = 512
# Characters kept for a reader that has stopped, and seconds it has in the end.
_KEPT = 1 << 16
_LAST = 2.0


class LostError(Exception):
  """Standard output takes no more; the cause is the OSError."""


@contextlib.contextmanager
def guarded() -> Iterator[None]:
  """Lets a command go on without standard error, but not without its output.

  Raises:
    LostError: standard output takes no more.
  """
  _open_missing()
  before = sys.stdout, sys.stderr
  sys.stdout = _Stream(before[0], is_needed=True)
  sys.stderr = _Stream(before[1], is_needed=False)
  try:
    yield
    sys.stdout.flush()
  finally:
    sys.stdout, sys.stderr = before
    # What Python cannot write when it exits would change the exit status.
    for stream in before:
      _discard_unwritable(stream)


@contextlib.contextmanager
def optional() -> Iterator[None]:
  """Lets a run go on whatever becomes of standard output and error.

  It never waits for who reads them, until it ends, and then not for long.
  """
  before = sys.stdout, sys.stderr
  streams = [_Optional(stream) for stream in before]
  streams[0].name = 'standard output'
  sys.stdout, sys.stderr = streams
  try:
    yield
  finally:
    sys.stdout, sys.stderr = before
    for stream in streams:
      stream.drain(_LAST)


def tell(text: str) -> None:
  """Writes to standard error from a signal handler, if that needs no waiting.

  Python's own streams must not be used there.
  """
  with contextlib.suppress(OSError):
    if _takes_more(2):
      os.write(2, text.encode())


class _Stream:
  """A text stream whose failure is a `LostError`, or nothing."""

  def __init__(self, stream: Any, is_needed: bool):
    self._stream, self._is_needed = stream, is_needed

  def __getattr__(self, name: str) -> Any:
    return getattr(self._stream, name)

  def write(self, text: str) -> int:
    """Writes a text; returns its length."""
    with self._losing():
      self._stream.write(text)
    return len(text)

  def flush(self) -> None:
    """Flushes the stream."""
    with self._losing():
      self._stream.flush()

  @contextlib.contextmanager
  def _losing(self) -> Iterator[None]:
    try:
      yield
    except OSError as error:
      if self._is_needed:
        raise LostError(error.strerror or str(error)) from error


class _Optional(_Stream):
  """A text stream that nobody waits for."""

  # Set for the stream whose loss is reported on standard error.
  name = ''

  def __init__(self, stream: Any):
    super().__init__(stream, is_needed=False)
    self._kept, self._is_lost = b'', False
    self._lock = threading.Lock()
    self._number = _descriptor(stream)
    if self._number is not None:
      with contextlib.suppress(OSError, LostError):
        stream.flush()

  def write(self, text: str) -> int:
    """Writes a text as far as that needs no waiting; returns its length."""
    if self._number is None:
      with contextlib.suppress(LostError):
        super().write(text)
      return len(text)
    encoding = getattr(self._stream, 'encoding', None) or 'utf-8'
    with self._lock:
      self._kept += text.encode(encoding, 'replace')
      self._write()
      if len(self._kept) > _KEPT:  # The latest lines.
        self._kept = self._kept[-_KEPT:].partition(b'\n')[2]
    return len(text)

  def flush(self) -> None:
    """Writes what was kept, as far as that needs no waiting."""
    if self._number is None:
      with contextlib.suppress(LostError):
        super().flush()
      return
    with self._lock:
      self._write()

  def drain(self, seconds: float) -> None:
    """Writes what was kept, waiting for as long for who reads it."""
    end = time.monotonic() + seconds
    while True:
      self.flush()
      if not self._kept or time.monotonic() > end:
        return
      time.sleep(0.02)

  def _write(self) -> None:
    assert self._number is not None
    try:
      while self._kept and _takes_more(self._number):
        self._kept = self._kept[os.write(self._number, self._kept[:_PART]) :]
    except OSError as error:
      # On a full disk there may be room later.
      if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        self._kept = b''
      if self.name and not self._is_lost:
        reason = error.strerror
        tell(f'warning: {self.name}: {reason}; going on without it\n')
      self._is_lost = True


def _descriptor(stream: Any) -> int | None:
  try:
    return stream.fileno()
  except (AttributeError, OSError, ValueError):
    return None  # Of a test or a notebook.


def _takes_more(descriptor: int) -> bool:
  """Returns whether a write needs no waiting, or fails at once."""
  poll = select.poll()
  poll.register(descriptor, select.POLLOUT)
  return bool(poll.poll(0))


def _open_missing() -> None:
  """Gives closed standard streams somewhere to go.

  The next file opened, such as a checkpoint, would be taken for them.
  """
  for number in range(3):
    try:
      os.fstat(number)
    except OSError:
      # The lowest number that is free, which is this one.
      os.open(os.devnull, os.O_RDWR)
  for name in ('stdout', 'stderr'):
    if getattr(sys, name) is None:
      # Python closes it when it exits.
      setattr(sys, name, open(os.devnull, 'w'))  # noqa: SIM115


def _discard_unwritable(stream: Any) -> None:
  try:
    stream.flush()
  except OSError:
    number = _descriptor(stream)
    if number is not None:
      with open(os.devnull, 'w') as nothing:
        os.dup2(nothing.fileno(), number)
