"""A run's folder: who writes in it, and with which config."""

import contextlib
import errno
import fcntl
import importlib.metadata
import json
import os
import pathlib
import platform
import sys
import tempfile
from collections.abc import Iterator
from typing import Any, TextIO

import jax

from gaitgs_jax import atomic, cloud
from gaitgs_jax.errors import UserError
from gaitgs_jax.training import paths, resuming
from gaitgs_jax.training.state import Arrays

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


@contextlib.contextmanager
def lock(workdir: pathlib.Path) -> Iterator[None]:
  """Holds the workdir for one run; in a bucket nothing can be held.

  Raises:
    UserError: another process holds it, or nothing can be written there.
  """
  if jax.process_index():  # The first process holds it for all of a run.
    yield
    return
  if cloud.is_url(workdir):
    check_writable(workdir)
    yield
    return
  with _open_lock(workdir) as file:
    try:
      fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
      file.seek(0)
      holder = file.read().strip() or 'unknown'
      raise UserError(
        f'another run (process {holder}) is training in {workdir}: wait for '
        'it, stop it, or give this one its own --workdir'
      ) from None
    file.truncate(0)
    file.write(f'{os.getpid()}\n')
    file.flush()
    yield


def _open_lock(workdir: pathlib.Path) -> TextIO:
  with _naming_unwritable(workdir):
    workdir.mkdir(parents=True, exist_ok=True)
    return open(workdir / '.lock', 'a+')


def check_writable(workdir: pathlib.Path) -> None:
  """Raises UserError if nothing can be written in a workdir."""
  if cloud.is_url(workdir):
    cloud.check_writable(workdir)
    return
  with _naming_unwritable(workdir):
    workdir.mkdir(parents=True, exist_ok=True)
    tempfile.TemporaryFile(dir=workdir).close()


@contextlib.contextmanager
def _naming_unwritable(workdir: pathlib.Path) -> Iterator[None]:
  try:
    yield
  except OSError as error:
    if _no_room(error):
      raise
    raise UserError(
      f'--workdir={workdir} cannot be written in: {error.strerror}'
    ) from error


@contextlib.contextmanager
def naming_full_disk(workdir: pathlib.Path) -> Iterator[None]:
  """Converts a failure to write on a full disk into a UserError.

  Raises:
    UserError: the disk, the quota or the allowed file size is exhausted.
  """
  try:
    yield
  except Exception as error:
    reason = _no_room(error)
    if reason is None:
      raise
    raise UserError(
      f'could not write in {workdir}: {reason}; the checkpoints already '
      'there are whole: make room and run the same command again'
    ) from error


def _no_room(error: BaseException | None) -> str | None:
  """Returns why a disk takes no more, or None if the error is another one."""
  codes = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
  while error is not None:
    for code in codes:
      text = os.strerror(code)
      # TensorStore's errors carry the system's only in their text.
      if getattr(error, 'errno', None) == code or text in str(error):
        return text.lower()
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
    resuming.check(before, as_json(config), step, workdir)
  resuming.check_reached(config.total_steps, step, workdir)


def _read_config(path: pathlib.Path) -> dict[str, Any] | None:
  try:
    before = json.loads(path.read_text())
    if isinstance(before, dict):
      return before
  except FileNotFoundError:  # Also where the first process just renamed it.
    return None
  except (ValueError, RecursionError):
    pass
  if not jax.process_index():
    aside = set_aside(path)
    print(
      f'{path} is damaged: it is {aside.name} now, and the config given '
      'cannot be compared with it',
      flush=True,
    )
  return None


def set_aside(path: pathlib.Path) -> pathlib.Path:
  """Renames what is damaged to NAME.damaged; returns its new path."""
  aside, number = path.with_name(f'{path.name}.damaged'), 1
  while aside.exists():
    number += 1
    aside = path.with_name(f'{path.name}.damaged-{number}')
  path.rename(aside)
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
    if not path.exists() or path.read_bytes() != text.encode():
      atomic.write(path, text)


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
