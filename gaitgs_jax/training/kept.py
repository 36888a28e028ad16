"""Which checkpoints a folder holds, and which of them are whole.

Only content is judged. A disk that cannot be read, as a network's for a while,
damages nothing: it is tried again, then reported, and nothing is moved.
"""

import functools
import pathlib
import shutil
from collections.abc import Callable
from typing import TypeVar

import jax

from gaitgs_jax import cloud, files
from gaitgs_jax.errors import UserError
from gaitgs_jax.training import digests, scores, workdirs

FOLDER = 'checkpoints'  # Of a workdir.
ITEM = 'default'  # Orbax's folder for the arrays of one step.
UNFINISHED = '*.orbax-checkpoint-tmp*'  # What Orbax is writing, or was.
_LIST = f'{ITEM}/_METADATA'  # Orbax's, of the arrays.
_MARK = 'commit_success.txt'  # Orbax's, of what it has written to a bucket.

T = TypeVar('T')


def reading(path: pathlib.Path, call: Callable[[], T]) -> T:
  """Returns what a function reads at a path, tried again where it fails.

  Raises:
    FileNotFoundError: there is nothing at the path.
    UserError: it cannot be read.
  """
  try:
    return files.retried(call)
  except FileNotFoundError:
    raise
  except OSError as error:
    raise workdirs.not_read(path, error) from error


def steps(folder: pathlib.Path) -> list[pathlib.Path]:
  """Returns the checkpoints in a folder, the latest first.

  Raises:
    UserError: the folder cannot be read.
  """
  found = reading(folder, lambda: _finished(folder))
  return sorted(found, key=lambda path: -int(path.name))


def _finished(folder: pathlib.Path) -> list[pathlib.Path]:
  return [
    path
    for path in _entries(folder)
    if path.name.isdecimal() and path.is_dir() and _is_finished(path)
  ]


def _entries(folder: pathlib.Path) -> list[pathlib.Path]:
  return list(folder.iterdir()) if folder.is_dir() else []


def _is_finished(step: pathlib.Path) -> bool:
  # A disk's gets its name when it is.
  return not cloud.is_url(step) or (step / _MARK).exists()


def remove_unfinished(folder: pathlib.Path) -> None:
  """Removes what killed processes half wrote; it would fill the disk in time.

  Raises:
    UserError: the folder cannot be read.
  """
  if cloud.is_url(folder):
    for path in _entries(folder):
      if path.name.isdigit() and not _is_finished(path):
        cloud.remove(path)
    return
  for path in reading(folder, lambda: list(folder.glob(UNFINISHED))):
    if path.is_symlink() or not path.is_dir():
      path.unlink()
    else:
      shutil.rmtree(path, ignore_errors=True)


def is_step(path: pathlib.Path) -> bool:
  """Returns whether a path is one checkpoint's folder.

  Raises:
    UserError: it cannot be read.
  """
  return reading(path, (path / ITEM).is_dir)


def newest_whole(
  folder: pathlib.Path,
) -> tuple[pathlib.Path, dict[pathlib.Path, str]]:
  """Returns the latest whole checkpoint and what is wrong with later ones.

  Raises:
    UserError: all are damaged, or one cannot be read.
  """
  damaged: dict[pathlib.Path, str] = {}
  for step in steps(folder):
    found = damage(step)
    if not found:
      return step, damaged
    damaged[step] = found
  reasons = '; '.join(f'{step.name}: {why}' for step, why in damaged.items())
  raise UserError(
    f'every checkpoint in {folder} is damaged ({reasons}): copy one back from '
    'elsewhere, or move the folder away to train from the start'
  )


def damage(step: pathlib.Path) -> str:
  """Returns what is wrong with the files of a checkpoint, '' if nothing.

  Of one without digests, of another program, only the list of arrays is read.

  Raises:
    UserError: it cannot be read.
  """
  if not is_step(step):
    return f'{ITEM} is missing'
  if not _is_finished(step):
    return f'{_MARK} is missing'
  if cloud.is_url(step):
    return ''
  found = reading(step, lambda: digests.damage(step, ITEM))
  if found is not None:
    return found
  try:
    path = step / _LIST
    data = reading(path, lambda: files.read(path, files.JSON_BYTES))
    files.parse_json(data)
  except (FileNotFoundError, ValueError):
    return f'{_LIST} is not whole'
  return ''


def score(step: pathlib.Path) -> scores.Score | None:
  """Returns the score in a checkpoint's folder, None if there is none.

  Raises:
    UserError: it cannot be read.
  """
  return reading(step, functools.partial(scores.read, step))


def set_damaged_aside(folder: pathlib.Path) -> None:
  """Renames the damaged checkpoints after the latest whole one, and says so.

  Scores that are damaged are removed.

  Raises:
    UserError: all are damaged, or one cannot be read or renamed.
  """
  if not steps(folder):
    return
  whole, damaged = newest_whole(folder)
  for step, found in damaged.items():
    aside = workdirs.set_aside(step)
    show(
      f'{step} is damaged ({found}): it is {aside.name} now, and {whole.name} '
      'the last checkpoint'
    )
  for step in steps(folder):
    if reading(step, functools.partial(scores.remove_damaged, step)):
      show(f'{step}: its score was damaged and is removed')


def show(text: str) -> None:
  """Prints a line, in the first process alone."""
  if not jax.process_index():
    print(text, flush=True)
