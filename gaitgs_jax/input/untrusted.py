"""Reading folders and files of which nothing is known."""

import errno
import os
import re
import stat
from pathlib import Path

from gaitgs_jax.errors import UserError

# A frame in any form is smaller, a thousand times as a rule.
_MAX_BYTES = 1 << 26
# Lines broken, terminals' commands, and bytes that are no UTF-8.
_UNPRINTABLE = re.compile('[\x00-\x1f\x7f-\x9f\ud800-\udfff]')


def read(path: Path) -> bytes:
  """Returns what a file of one frame holds.

  Raises:
    OSError: it cannot be read, is a pipe or a device, or larger than any frame.
  """
  # Before it is opened: that would wait for ever at a pipe.
  status = path.stat()
  if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_BYTES:
    reason = f'is no file of at most {_MAX_BYTES} bytes'
    raise OSError(errno.EINVAL, reason)
  return path.read_bytes()


def entries(folder: str | Path) -> list[os.DirEntry[str]]:
  """Returns what a folder holds, in any order.

  Raises:
    UserError: it cannot be listed, or a name in it cannot be printed.
  """
  try:
    with os.scandir(folder) as found:
      listed = list(found)
  except OSError as error:
    raise UserError(f'{folder}: cannot be listed ({error.strerror})') from error
  for entry in listed:
    if _UNPRINTABLE.search(entry.name):
      raise UserError(
        f'{folder}: the name {entry.name!a} in it cannot be printed; rename it'
      )
  return listed


def is_folder(entry: os.DirEntry[str]) -> bool:
  """Tells whether an entry is a folder or leads to one."""
  try:
    return entry.is_dir()
  except OSError:  # A link that leads to itself.
    return False
