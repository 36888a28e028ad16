"""A run's folder: the files that describe the run, and errors of its disk."""

import contextlib
import errno
import importlib.metadata
import json
import os
import pathlib
import platform
import re
import sys
from collections.abc import Iterator
from typing import Any

import jax

from gaitgs_jax import atomic, cloud, files, older
from gaitgs_jax.errors import UserError, one_line
from gaitgs_jax.training import paths, resuming
from gaitgs_jax.training.states import Arrays

_PACKAGES = (
  'gaitgs_jax',
  'jax',
  'jaxlib',
  'flax',
  'optax',
  'orbax-checkpoint',
  'numpy',
  'tensorflow-cpu',
  'tensorflow',
  'tensorflow-datasets',
  'clu',
)

# Bytes of a file that a run writes and reads; metrics.csv has the most.
_LARGEST = 1 << 30
# The disk, the quota or the allowed size of a file is exhausted.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# Faults in code, whatever error was being handled when they were raised.
_FAULTS = (AssertionError, AttributeError, LookupError, NameError, TypeError)


@contextlib.contextmanager
def full_disk_as_user_error(workdir: pathlib.Path) -> Iterator[None]:
  """Converts a failure to write on a full disk into a UserError.

  Raises:
    UserError: the disk, the quota or the allowed file size is exhausted.
  """
  try:
    yield
  except UserError:
    raise
  except Exception as error:
    if disk_error(error) not in _NO_ROOM:
      raise
    raise not_written(workdir, error) from error


def not_written(workdir: pathlib.Path, error: BaseException) -> UserError:
  """Returns what to say of an error for which `disk_error` has a number."""
  code = disk_error(error)
  assert code is not None
  room = 'make room and ' if code in _NO_ROOM else ''
  return UserError(
    f'could not write in {workdir}: {os.strerror(code).lower()}; the '
    f'checkpoints already there are whole: {room}run the same command again'
  )


def disk_error(error: BaseException | None) -> int | None:
  """Returns the number of the system's error that is behind another, or None.

  TensorStore's errors have it in their text alone. A fault in code has none.
  """
  while error is not None and not isinstance(error, _FAULTS):
    if isinstance(error, OSError) and error.errno is not None:
      return error.errno
    text = str(error)
    for code in _NO_ROOM:
      if os.strerror(code) in text:
        return code
    if found := re.search(r"os_error_code='(\d+)'", text):
      return int(found[1])
    error = error.__cause__ or error.__context__
  return None


def as_json(config: Any) -> dict[str, Any]:
  """Returns a config as what reading its JSON would give."""
  fields = config.to_dict() if hasattr(config, 'to_dict') else dict(config)
  return json.loads(json.dumps(fields))


def check_config(workdir: pathlib.Path, config: Any, step: int) -> None:
  """Checks that a workdir's run may go on with a config.

  Without a config.json, or with a damaged one, nothing is compared; a damaged
  one is renamed, and a line says so.

  Args:
    workdir: the run's.
    config: to go on with.
    step: number of steps made.

  Raises:
    UserError: the steps made would have been different (see `resuming`), or
      are more than the config asks for.
  """
  before = _read_config(workdir / 'config.json')
  if before is not None:
    now = older.upgraded(as_json(config))
    resuming.check(before, now, step, workdir)
  resuming.check_reached(config.total_steps, step, workdir)


def _read_config(path: pathlib.Path) -> dict[str, Any] | None:
  try:
    before = files.parse_json(read(path))
    if isinstance(before, dict):
      return older.upgraded(before)
  except FileNotFoundError:  # Also where the first process just renamed it.
    return None
  except ValueError:
    pass
  if not jax.process_index():
    aside = set_aside(path)
    print(
      f'{path} is damaged: it is {aside.name} now, and the config given '
      'cannot be compared with it',
      flush=True,
    )
  return None


def read(path: pathlib.Path) -> bytes:
  """Returns what a file of a run holds, tried again where reading fails.

  Raises:
    FileNotFoundError: it does not exist.
    ValueError: it is none of a run's: a folder, a pipe, or far larger.
    UserError: it cannot be read. Nothing says that it is damaged.
  """
  try:
    return files.retried(lambda: files.read(path, _LARGEST))
  except FileNotFoundError:
    raise
  except OSError as error:
    if error.errno in files.LASTING:
      raise ValueError(error.strerror) from error
    raise not_read(path, error) from error


def not_read(path: pathlib.Path, error: OSError) -> UserError:
  """Returns what to say of a file or folder that cannot be read."""
  reason = one_line(error.strerror or error)
  return UserError(
    f'{path} cannot be read: {reason}. Nothing was changed: run the same '
    'command again when it can be read'
  )


def set_aside(path: pathlib.Path) -> pathlib.Path:
  """Renames what is damaged to NAME.damaged; returns its new path.

  Raises:
    UserError: it cannot be renamed.
  """
  aside, number = path.with_name(f'{path.name}.damaged'), 1
  while aside.exists():
    number += 1
    aside = path.with_name(f'{path.name}.damaged-{number}')
  try:
    path.rename(aside)
  except OSError as error:
    raise UserError(
      f'{path} is damaged, and cannot be renamed to {aside.name}: '
      f'{error.strerror}. Move it away'
    ) from error
  return aside


def write_facts(workdir: pathlib.Path, config: Any, params: Arrays) -> None:
  """Writes config.json, versions.json and parameters.txt where they change.

  Raises:
    UserError: one cannot be written.
  """
  for name, text in (
    ('config.json', _as_text(as_json(config))),
    ('versions.json', _as_text(_versions())),
    ('parameters.txt', parameter_table(params)),
  ):
    path = workdir / name
    linked = not cloud.is_url(path) and path.is_symlink()
    if linked or not _holds(path, text):
      atomic.write(path, text, follow=False)


def _holds(path: pathlib.Path, text: str) -> bool:
  try:
    return files.read(path, _LARGEST) == text.encode()
  except OSError:  # Nothing is lost by writing it again.
    return False


def _as_text(value: Any) -> str:
  return json.dumps(value, indent=2) + '\n'


def _versions() -> dict[str, str]:
  found = {}
  for package in _PACKAGES:
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
      found[package] = importlib.metadata.version(package)
  found.setdefault('gaitgs_jax', sys.modules['gaitgs_jax'].__version__)
  device = jax.devices()[0]
  return {
    'python': platform.python_version(),
    **found,
    'platform': device.platform,
    'device': device.device_kind,
    'devices': str(jax.device_count()),
  }


def parameter_table(params: Arrays) -> str:
  """Returns the weights' names, shapes and sizes as an aligned table."""
  rows = [
    (name, 'x'.join(map(str, leaf.shape)), str(leaf.dtype), leaf.size)
    for name, leaf in paths.flatten(params).items()
  ]
  total = sum(row[3] for row in rows)
  width = max([len(row[0]) for row in rows] + [len('total')])
  lines = [
    f'{name:{width}}  {shape:>16}  {dtype:>9}  {size:>13,}'
    for name, shape, dtype, size in [*rows, ('total', '', '', total)]
  ]
  return '\n'.join(lines) + '\n'
