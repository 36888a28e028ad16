"""What an OpenGait tree holds, remembered between runs.

The shape of a sequence is in its pickle, and opening 288,596 of them (OU-MVLP)
takes a minute. So what was found is kept in ~/.cache/gaitgs_jax/trees, for each
sequence with the times of its folder and the size and times of its file. Where
these are still the same, the folder holds the same names and the file was not
written to.
"""

import concurrent.futures
import hashlib
import os
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gaitgs_jax import atomic, files, local, npz
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import opengait, pickles, tree_files
from gaitgs_jax.input.unreadable import Unreadable

# Raised where what is kept would mean something else.
_FORMAT = 1
# Of an index, which takes about 90 bytes a sequence.
_MOST_BYTES = 1 << 30
# Smaller trees are read as fast as their index.
_LEAST = 1000
# Reading the heads of files waits on the disk more than it computes.
_THREADS = 8
_TICK_NS = files.TICK_NS
_Facts = tuple[int, ...]


class TreeFile(NamedTuple):
  """The file of one sequence of a tree.

  Attributes:
    file: subject/condition/view/file.pkl.
    shape: of its array, as it is in the file.
  """

  file: str
  shape: tuple[int, ...]


class _Known(NamedTuple):
  """What is kept of one sequence: names, sizes and times, in nanoseconds."""

  sequence: TreeFile
  facts: _Facts


def read(
  root: Path,
  choice: tree_files.PickleChoice | None = None,
  unreadable: Unreadable | None = None,
) -> list[TreeFile]:
  """Returns every sequence of a tree, sorted by subject, condition and view.

  Args:
    root: of the tree.
    choice: of the pickles to take, by default those of silhouettes.
    unreadable: takes note of files without a head, which are left out.

  Raises:
    UserError: there is no tree, it is half-copied, or a file has no head and
      `unreadable` is None.
  """
  choice = choice or tree_files.PickleChoice()
  folders = [
    '/'.join(folder.rsplit('/', 3)[1:])
    for folder in opengait.sequence_folders(root)
  ]
  path = _index_path(root, choice) if len(folders) >= _LEAST else None
  known = _load(path)
  found = [_unchanged(root, folder, known) for folder in folders]
  missing = [row for row, each in enumerate(found) if each is None]
  begun = time.time_ns()

  def look(row: int) -> _Known | None:
    return _read(root, folders[row], choice, unreadable)

  with concurrent.futures.ThreadPoolExecutor(_THREADS) as threads:
    for row, each in zip(missing, threads.map(look, missing), strict=True):
      found[row] = each
  rows = [each for each in found if each is not None]
  if path is not None and (missing or len(known) > len(rows)):
    _save(path, rows, begun)
  return [each.sequence for each in rows]


def _read(
  root: Path,
  folder: str,
  choice: tree_files.PickleChoice,
  unreadable: Unreadable | None,
) -> _Known | None:
  """Reads one sequence's folder and head, None if it is to be left out."""
  try:
    # Before the names and the head: what changes later has other times then.
    names = _folder_facts(root, folder)
    file = _file(root, folder, choice)
    facts = (*names, *_file_facts(root, file))
    try:
      return _Known(TreeFile(file, pickles.load_shape(root / file)), facts)
    except pickles.PickleError as error:
      check = opengait.CHECK.format(root)
      raise UserError(f'{error}; {check}') from error
  except UserError as error:
    if unreadable is None:
      raise
    unreadable.note(error)
    return None


def _file(root: Path, folder: str, choice: tree_files.PickleChoice) -> str:
  """Returns subject/condition/view/file.pkl of one sequence's folder."""
  names = tree_files.pickle_names(root / folder)
  if not names:
    raise opengait.no_pickle(root / folder, root)
  try:
    return f'{folder}/{choice.of(names)}'
  except UserError as error:
    raise UserError(f'{root / folder}: {error}') from error


def _folder_facts(root: Path, folder: str) -> _Facts:
  """Returns a folder's times, which change with the names in it."""
  try:
    status = os.stat(f'{root}/{folder}')
  except OSError:  # Listing it says what is wrong.
    return (0, 0)
  return (status.st_mtime_ns, status.st_ctime_ns)


def _file_facts(root: Path, file: str) -> _Facts:
  """Returns a file's size and times."""
  try:
    status = os.stat(f'{root}/{file}')
  except OSError:  # Opening it says what is wrong.
    return (-1, 0, 0)
  return (status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _unchanged(
  root: Path, folder: str, known: dict[str, _Known]
) -> _Known | None:
  """Returns what is known of a sequence if it is still so."""
  before = known.get(folder)
  if before is None or before.facts[:2] != _folder_facts(root, folder):
    return None
  if before.facts[2:] != _file_facts(root, before.sequence.file):
    return None
  return before


def _index_path(root: Path, choice: tree_files.PickleChoice) -> Path | None:
  """Returns where the index of a tree is kept, None without a home folder."""
  name = f'{_FORMAT} {choice!r} {os.path.realpath(root)}'
  digest = hashlib.sha256(os.fsencode(name)).hexdigest()[:32]
  try:
    return local.cache() / 'trees' / f'{digest}.npz'
  except UserError:
    return None


def _load(path: Path | None) -> dict[str, _Known]:
  """Returns what was kept, by folder; nothing where that is damaged."""
  if path is None:
    return {}
  try:
    kept = dict(npz.read(path, _MOST_BYTES))
    files = kept['files'].tobytes().decode().split('\n')
    # Lists of Python's own numbers, a column at a time to save memory.
    shapes = zip(*kept['shapes'].T.tolist(), strict=True)
    facts = zip(*kept['facts'].T.tolist(), strict=True)
    return {
      file.rpartition('/')[0]: _Known(TreeFile(file, shape), fact)
      for file, shape, fact in zip(files, shapes, facts, strict=True)
    }
  except (OSError, ValueError, LookupError):
    return {}


def _save(path: Path, rows: list[_Known], begun: int) -> None:
  """Keeps what was found, as far as it can be relied on.

  Args:
    path: of `_index_path`.
    rows: what was found.
    begun: when the first file was read, in ns.
  """
  kept = [
    each
    for each in rows
    # Faults are looked at again; so is what may change within the same tick.
    if len(each.sequence.shape) == len(rows[0].sequence.shape)
    and max(each.facts[1], each.facts[4]) < begun - _TICK_NS
  ]
  if not kept:
    return
  files = '\n'.join(each.sequence.file for each in kept).encode()
  try:
    with atomic.writing(path) as file:
      np.savez(
        file,
        files=np.frombuffer(files, np.uint8),
        shapes=np.asarray([each.sequence.shape for each in kept], np.int64),
        facts=np.asarray([each.facts for each in kept], np.int64),
      )
  except UserError as error:
    print(f'{error}; the next start reads the tree again', file=sys.stderr)
