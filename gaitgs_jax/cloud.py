"""Folders in buckets, gs://bucket/run and s3://bucket/data, through fsspec.

A dataset is copied to this machine once and read from the copy, as ArrayRecord
reads files alone. A run's folder stays where it is: Orbax and etils read and
write gs://, and nothing else.
"""

import concurrent.futures
import contextlib
import errno
import itertools
import logging
import os
import pathlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gaitgs_jax import local, locks
from gaitgs_jax.errors import UserError, one_line

_URL = re.compile('(gs|s3)://(.+)', re.DOTALL)
# What fsspec asks for, and what it finds credentials by.
_PACKAGES = {'gs': 'gcsfs', 's3': 's3fs'}
_LOGINS = {
  'gs': 'gcloud auth application-default login',
  's3': 'aws configure',
}
# Their errors are not OSErrors, and cannot be imported where they are not
# installed.
_LIBRARIES = ('aiohttp', 'botocore', 'gcsfs', 'google', 'requests')
# Objects at a time; most datasets are many small ones, which wait on the net.
_THREADS = 32
_AHEAD = 4096


def is_url(given: str | os.PathLike) -> bool:
  """Returns whether a path is in a bucket."""
  return _URL.match(os.fspath(given)) is not None


def folder(given: str | os.PathLike) -> pathlib.Path:
  """Returns a run's folder, on this machine or in a bucket.

  In a bucket it is a path of etils.

  Raises:
    UserError: it is a URL but not of gs://, or the bucket cannot be reached.
  """
  if not is_url(given):
    return local.path(given)
  url = os.fspath(given)
  if not url.startswith('gs://'):
    raise UserError(
      f'{url}: Orbax keeps checkpoints on gs:// and on disks; mount the bucket '
      '(mount-s3) and give the folder where it is, or copy from and to it'
    )
  # Where TensorFlow is installed etils would take its file system, which knows
  # other credentials than the one that copies datasets.
  os.environ.setdefault('EPATH_USE_TF', 'false')
  from etils import epath

  with _as_user_error(url):
    _filesystem(url)
    path = epath.Path('gs://' + '/'.join(_parts(url)[1:]))
    path.exists()
  return path


def absolute(path: pathlib.Path) -> pathlib.Path:
  """Returns a path from the root on; etils would take a URL for relative."""
  return path if is_url(path) else path.absolute()


def check_writable(path: pathlib.Path) -> None:
  """Raises UserError if nothing can be written in a bucket's folder."""
  probe = path / f'.writable-{os.getpid()}'
  with _as_user_error(str(path)):
    probe.write_text('An empty object may be taken for a folder.\n')
    probe.unlink()


@contextlib.contextmanager
def refusal_as_user_error(path: pathlib.Path) -> Iterator[None]:
  """Converts the error of a checkpoint that a bucket refuses.

  Raises:
    UserError: that is what failed.
  """
  try:
    yield
  except Exception as error:
    # TensorStore's errors have no class of their own, but name the file.
    known = isinstance(error, UserError) or not is_url(path)
    if known or f'{path}/' not in str(error):
      raise
    raise UserError(
      f'could not write in {path} ({one_line(error)}); the checkpoints '
      'already there are whole: run the same command again'
    ) from error


def put(path: pathlib.Path, data: bytes) -> None:
  """Writes an object of a bucket, which is there whole or not at all.

  Raises:
    UserError: it cannot be written.
  """
  with _as_user_error(str(path)):
    path.write_bytes(data)


def remove(path: pathlib.Path) -> None:
  """Removes a bucket's folder and all that is in it."""
  from etils import epath

  epath.Path(path).rmtree()


def files(url: str) -> dict[str, int]:
  """Returns the sizes of all files below a folder of a bucket, by name.

  Of a file's own URL, its size by ''.

  Raises:
    UserError: the bucket cannot be read, or a name in it is not a file's.
  """
  with _as_user_error(url):
    filesystem = _filesystem(url)
    root = '/'.join(_parts(url)[1:])
    filesystem.invalidate_cache()
    listed = filesystem.find(root, detail=True)
  found = {}
  for name, facts in listed.items():
    # An object whose name ends so stands for an empty folder.
    if facts['type'] != 'file' or name.endswith('/'):
      continue
    if name == root:
      found[''] = facts['size']
    elif name.startswith(f'{root}/'):
      below = name.removeprefix(f'{root}/')
      _check_name(below, url)
      found[below] = facts['size']
  return found


def local_copy(given: str | os.PathLike) -> Path:
  """Returns a folder or file on this machine, of a bucket's URL its copy.

  Copies are kept in ~/.cache/gaitgs_jax/data. What is missing there, or of
  another size than in the bucket, is copied; an interrupted copy goes on.

  Raises:
    UserError: there is nothing in the bucket by that name, it cannot be read,
      or there is no room for it.
  """
  if not is_url(given):
    return local.path(given)
  url = os.fspath(given)
  found = files(url)
  if not found:
    raise UserError(f'{url}: no such folder, or nothing is in it')
  cache = local.cache() / 'data'
  target = cache.joinpath(*_parts(url))
  with _as_user_error(url, cache), _alone(cache):
    wanted = {
      name: size
      for name, size in found.items()
      if not _has(target / name, size)
    }
    if wanted:
      _copy(url, wanted, target, cache)
  return target


def _parts(url: str) -> list[str]:
  """Returns the scheme, the bucket and the folders that a URL names."""
  match = _URL.match(url)
  assert match
  scheme, path = match.groups()
  # Repeated slashes count once, as in a path.
  names = [name for name in path.split('/') if name]
  _check_name('/'.join(names), url)
  return [scheme, *names]


def _check_name(name: str, url: str) -> None:
  """Refuses a name that leads out of the folder, or cannot be printed.

  Raises:
    UserError: it is one.
  """
  if not name.isprintable() or {'', '.', '..'} & set(name.split('/')):
    raise UserError(
      f'{one_line(url)}: {one_line(ascii(name))} cannot be the name of a file; '
      'rename it in the bucket'
    )


def _has(path: Path, size: int) -> bool:
  return path.is_file() and path.stat().st_size == size


@contextlib.contextmanager
def _alone(cache: Path) -> Iterator[None]:
  """Lets one process of this machine copy at a time."""
  cache.mkdir(parents=True, exist_ok=True)
  lock = cache / 'lock'
  with contextlib.ExitStack() as stack:
    try:
      stack.enter_context(locks.hold(lock))
    except locks.HeldError:
      print(f'waiting for another process to copy to {cache}', flush=True)
      stack.enter_context(locks.hold(lock, wait=True))
    yield


def _copy(url: str, wanted: dict[str, int], target: Path, cache: Path) -> None:
  """Copies files; each is there whole or not at all."""
  total, free = sum(wanted.values()), shutil.disk_usage(cache).free
  if total > free:
    raise UserError(
      f'{url}: {_megabytes(total)} are to be copied to {cache}, where '
      f'{_megabytes(free)} are free; make room, or set XDG_CACHE_HOME to a '
      'folder on a larger disk'
    )
  count = f'{len(wanted)} file' + 's' * (len(wanted) > 1)
  print(f'copying {count}, {_megabytes(total)}: {url} to {target}', flush=True)
  filesystem = _filesystem(url)
  root = '/'.join(_parts(url)[1:])
  # Of one process at a time, so what is in it was left by a killed one.
  halves = cache / 'partial'
  shutil.rmtree(halves, ignore_errors=True)
  halves.mkdir()

  def copy(number: int, name: str) -> None:
    half, whole = halves / str(number), target / name
    filesystem.get_file(f'{root}/{name}'.rstrip('/'), str(half))
    if not _has(half, wanted[name]):
      raise UserError(
        f'{url}: {name} changed while it was copied; run the same command again'
      )
    whole.parent.mkdir(parents=True, exist_ok=True)
    half.replace(whole)

  with concurrent.futures.ThreadPoolExecutor(_THREADS) as threads:
    numbered = enumerate(wanted)
    # All at once would wait in memory, and there may be millions.
    while some := list(itertools.islice(numbered, _AHEAD)):
      for _ in threads.map(copy, *zip(*some, strict=True)):
        pass
  shutil.rmtree(halves)


def _filesystem(url: str) -> Any:
  """Returns fsspec's file system of a URL.

  Raises:
    UserError: its package is not installed.
  """
  package = _PACKAGES[url[:2]]
  try:
    import fsspec

    # It logs, tracebacks included, what it also raises.
    logging.getLogger('gcsfs').setLevel(logging.CRITICAL)
    return fsspec.filesystem(url[:2])
  except ImportError as error:
    raise UserError(
      f'{url} needs the package {package}, which is not installed: '
      'pip install -r requirements-cloud.txt'
    ) from error


@contextlib.contextmanager
def _as_user_error(url: str, cache: Path | None = None) -> Iterator[None]:
  """Converts what libraries of buckets raise.

  Raises:
    UserError: there is no such bucket, it cannot be reached, or the disk with
      the copies is full.
  """
  try:
    yield
  except FileNotFoundError as error:
    raise UserError(f'{url}: no such bucket or folder') from error
  except Exception as error:
    library = type(error).__module__.split('.')[0]
    if (
      not isinstance(error, OSError | ValueError) and library not in _LIBRARIES
    ):
      raise
    if isinstance(error, OSError) and error.errno in (
      errno.ENOSPC,
      errno.EDQUOT,
    ):
      raise UserError(
        f'{cache}: no room for the copy of {url}; make room, or set '
        'XDG_CACHE_HOME to a folder on a larger disk, and run the same command '
        'again'
      ) from error
    raise UserError(
      f'{url} cannot be used ({one_line(error)}); are there credentials, as '
      f'of `{_LOGINS[url[:2]]}`, and is the network there?'
    ) from error


def _megabytes(count: int) -> str:
  return f'{count / 1e6:,.1f} MB'
