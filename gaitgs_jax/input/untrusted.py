"""Reads folders and frames that are not trusted."""

import collections
import os
import re
from collections.abc import Iterable
from pathlib import Path

from gaitgs_jax import files
from gaitgs_jax.errors import UserError

# A frame in any form is smaller, a thousand times as a rule.
_MAX_BYTES = 1 << 26
# Hidden files, and what operating systems and network drives leave behind.
_LEFT_BEHIND = re.compile(
  r'\..*|__MACOSX|Thumbs\.db|desktop\.ini|\$RECYCLE\.BIN|lost\+found'
  r'|System Volume Information|@eaDir|@Recycle|@tmp|#recycle|#snapshot',
  re.IGNORECASE,
)
# Links to one folder in a tree that are followed.
_MOST_LINKS = 100
_NUMBER = re.compile('([0-9]+)')
# Line breaks, terminal commands, and bytes that are not UTF-8.
_UNPRINTABLE = re.compile('[\x00-\x1f\x7f-\x9f\ud800-\udfff]')


def read(path: Path) -> bytes:
  """Returns what a file of one frame holds.

  Raises:
    OSError: it cannot be read, is a pipe or a device, or larger than any frame.
  """
  return files.read(path, _MAX_BYTES)


def entries(folder: str | Path) -> list[os.DirEntry[str]]:
  """Returns what a folder holds, in any order.

  Hidden files, and what operating systems and network drives leave behind
  (`__MACOSX`, `@eaDir`, `Thumbs.db`), are passed over.

  Raises:
    UserError: it cannot be listed, or a name in it cannot be printed.
  """
  try:
    with os.scandir(folder) as found:
      listed = [each for each in found if not _LEFT_BEHIND.fullmatch(each.name)]
  except OSError as error:
    raise UserError(f'{folder}: cannot be listed ({error.strerror})') from error
  for entry in listed:
    if _UNPRINTABLE.search(entry.name):
      raise UserError(
        f'{folder}: the name {entry.name!a} in it cannot be printed; rename it'
      )
  return listed


def in_order(names: Iterable[str]) -> list[str]:
  """Sorts the names of one sequence's frames by their numbers, each name once.

  Names of one form, such as `1.png` to `12.png`, are compared number by number;
  zero-padded ones keep their alphabetical order. Where forms differ the last
  number decides, as OUMVLP-Pose has `0001_keypoints.json` next to names that
  end in the number.
  """
  parts = {name: _NUMBER.split(name) for name in names}
  # Texts at even places, numbers at odd ones.
  one_form = len({tuple(each[::2]) for each in parts.values()}) < 2

  def key(name: str) -> tuple[list[tuple[int, str]], str]:
    numbers = parts[name][1::2]
    return [*map(_by_size, numbers if one_form else numbers[-1:])], name

  return sorted(parts, key=key)


def _by_size(digits: str) -> tuple[int, str]:
  """Returns what sorts as the number does; Python refuses to read long ones."""
  digits = digits.lstrip('0')
  return len(digits), digits


class Folders:
  """Finds folders in folders, without walking in circles.

  Links are followed. Where a few hundred of them lead to the folder that they
  lie in, there would be millions of paths to it, so only some of those that
  lead to one folder are.
  """

  def __init__(self) -> None:
    self._links: collections.Counter[tuple[int, int]] = collections.Counter()

  def is_folder(self, entry: os.DirEntry[str]) -> bool:
    """Returns whether an entry is a folder or leads to one.

    Raises:
      UserError: too many links lead to that folder.
    """
    try:
      if not entry.is_dir():
        return False
      if not entry.is_symlink():
        return True
      status = entry.stat()
    except OSError:  # A link that leads to itself.
      return False
    place = (status.st_dev, status.st_ino)
    self._links[place] += 1
    if self._links[place] > _MOST_LINKS:
      raise UserError(
        f'{entry.path}: more than {_MOST_LINKS} links lead to the same folder,'
        f' {os.path.realpath(entry.path)}; remove them'
      )
    return True
