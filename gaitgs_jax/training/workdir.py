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
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

import jax

from gaitgs_jax import cloud
from gaitgs_jax.errors import UserError
from gaitgs_jax.training import paths
from gaitgs_jax.training.state import Arrays

# A resumed run may change how long it trains, how it is watched and where it
# runs; everything else would make it another run.
_FREE = (
  'total_steps',
  'log_every',
  'tensorboard',
  'evaluation',
  'checkpoint',
  'mesh',
  'dataset.root',
  'dataset.cache',
  'dataset.format',
  'dataset.on_error',
)
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
  """Turns a failure to write for want of room into a sentence.

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
  """Returns why there is no room to write, or None if that is not the fault."""
  codes = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
  while error is not None:
    for code in codes:
      text = os.strerror(code)
      # TensorStore's errors carry the system's only in their text.
      if getattr(error, 'errno', None) == code or text in str(error):
        return text.lower()
    error = error.__cause__ or error.__context__
  return None


def _flat(config: Mapping[str, Any], prefix: str = '') -> dict[str, Any]:
  flat: dict[str, Any] = {}
  for key, value in config.items():
    if isinstance(value, Mapping) and value:
      flat |= _flat(value, f'{prefix}{key}.')
    else:
      flat[f'{prefix}{key}'] = value
  return flat


def as_json(config: Any) -> dict[str, Any]:
  """Returns a config as what reading its JSON would give."""
  fields = config.to_dict() if hasattr(config, 'to_dict') else dict(config)
  return json.loads(json.dumps(fields))


def check_config(workdir: pathlib.Path, config: Any) -> None:
  """Raises UserError if the workdir's run had another config.

  Fields that only say how long to train, how to watch it and where to run may
  differ.
  """
  path = workdir / 'config.json'
  if not path.exists():
    return
  before, now = _flat(json.loads(path.read_text())), _flat(as_json(config))
  absent = '(absent)'
  changed = [
    f'{key} was {before.get(key, absent)!r} and is {now.get(key, absent)!r}'
    for key in sorted({*before, *now})
    if before.get(key, absent) != now.get(key, absent)
    and not any(key == f or key.startswith(f'{f}.') for f in _FREE)
  ]
  if changed:
    raise UserError(
      f'{workdir} holds a run of another config: {"; ".join(changed)}. '
      'Take another --workdir, or set these fields back'
    )


def write_facts(workdir: pathlib.Path, config: Any, params: Arrays) -> None:
  """Writes config.json, versions.json and parameters.txt."""
  _write_json(workdir / 'config.json', as_json(config))
  _write_json(workdir / 'versions.json', _versions())
  (workdir / 'parameters.txt').write_text(parameter_table(params))


def _write_json(path: pathlib.Path, value: Any) -> None:
  path.write_text(json.dumps(value, indent=2) + '\n')


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
