"""Holding a workdir: one run at a time, in the folder where it began."""

import contextlib
import errno
import os
import pathlib
import tempfile
from collections.abc import Iterator

import jax

from gaitgs_jax import atomic, cloud, files, locks
from gaitgs_jax.errors import UserError
from gaitgs_jax.training import kept, scores

_LOCK = '.lock'
# Seconds after which a file that is still being written belongs to nobody.
_OLD = 3600


class Held:
  """A workdir that this process holds.

  Args:
    workdir: the folder.
    descriptor: of the folder, opened when the run began; None where nobody can
      move it, as in a bucket.
  """

  def __init__(self, workdir: pathlib.Path, descriptor: int | None = None):
    self._workdir, self._descriptor = workdir, descriptor

  def check(self) -> None:
    """Checks that the folder is still where it was.

    Writing would make another one there, without what the run has saved.

    Raises:
      UserError: it was moved or deleted.
    """
    if not self._is_there():
      raise UserError(self._describe())

  @contextlib.contextmanager
  def move_as_user_error(self) -> Iterator[None]:
    """Converts any error where the folder was moved into one that says so.

    Raises:
      UserError: it was moved or deleted.
    """
    try:
      yield
    except Exception as error:
      if self._is_there():
        raise
      raise UserError(self._describe()) from error

  def _is_there(self) -> bool:
    if self._descriptor is None:
      return True
    try:
      found = os.stat(self._workdir)
    except (FileNotFoundError, NotADirectoryError):
      return False
    except OSError:  # Of a disk that cannot be reached for a while.
      return True
    if os.path.samestat(found, os.fstat(self._descriptor)):
      return True
    # Some file systems number their folders again.
    return _note(self._workdir / _LOCK) == str(os.getpid())

  def _describe(self) -> str:
    begin = f'{self._workdir} was {{}} while this run was training there'
    place = self._moved_to()
    if place is None:
      return begin.format('moved or deleted') + '; the run ends'
    steps = kept.steps(place / kept.FOLDER)
    saved = f'step {steps[0].name} is saved' if steps else 'nothing was saved'
    return begin.format(f'moved to {place}') + (
      f'; {saved} there. Run the same command with --workdir={place} to go on'
    )

  def _moved_to(self) -> pathlib.Path | None:
    """Returns where the folder is now, None if it is gone or nobody knows."""
    assert self._descriptor is not None
    try:
      place = pathlib.Path(os.readlink(f'/proc/self/fd/{self._descriptor}'))
      found = os.stat(place)
    except OSError:
      return None
    same = os.path.samestat(found, os.fstat(self._descriptor))
    return place if same else None


def _note(path: pathlib.Path) -> str:
  try:
    return files.read(path, 1000).decode(errors='replace').strip()
  except OSError:
    return ''


@contextlib.contextmanager
def hold(workdir: pathlib.Path) -> Iterator[Held]:
  """Holds a workdir for one run; in a bucket nothing can be held.

  Raises:
    UserError: another process holds it, or nothing can be written there.
  """
  if jax.process_index():  # The first process holds it for all of a run.
    yield Held(workdir)
    return
  if cloud.is_url(workdir):
    check_writable(workdir)
    yield Held(workdir)
    return
  with contextlib.ExitStack() as stack:
    with _as_user_error(workdir):
      workdir.mkdir(parents=True, exist_ok=True)
      descriptor = os.open(workdir, os.O_RDONLY | os.O_DIRECTORY)
      stack.callback(os.close, descriptor)
      try:
        lock = stack.enter_context(locks.hold(workdir / _LOCK))
      except locks.HeldError as error:
        holder = str(error).strip() or 'unknown'
        raise UserError(
          f'another run (process {holder}) is training in {workdir}: wait for '
          'it, stop it, or give this one its own --workdir'
        ) from None
      lock.write_note(f'{os.getpid()}\n')
      _remove_left_over(workdir)
    held = Held(workdir, descriptor)
    stack.enter_context(held.move_as_user_error())
    yield held


def _remove_left_over(workdir: pathlib.Path) -> None:
  """Removes what killed writes left in the folders of a run."""
  now = (workdir / _LOCK).stat().st_mtime  # By the clock of the file system.
  scored = workdir.glob(f'{kept.FOLDER}/*/{scores.FOLDER}')
  for folder in (workdir, workdir / 'evaluation', *scored):
    atomic.remove_left_over(folder, now - _OLD)


def check_writable(workdir: pathlib.Path) -> None:
  """Raises UserError if nothing can be written in a workdir."""
  if cloud.is_url(workdir):
    cloud.check_writable(workdir)
    return
  with _as_user_error(workdir):
    workdir.mkdir(parents=True, exist_ok=True)
    tempfile.TemporaryFile(dir=workdir).close()


@contextlib.contextmanager
def _as_user_error(workdir: pathlib.Path) -> Iterator[None]:
  try:
    yield
  except OSError as error:
    reason = error.strerror or error
    if error.errno == errno.ELOOP and error.filename:
      reason = f'{error.filename} is a symbolic link: remove it'
    raise UserError(
      f'--workdir={workdir} cannot be written in: {reason}'
    ) from error
