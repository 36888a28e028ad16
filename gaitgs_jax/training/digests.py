"""Digests of a checkpoint's files, which `sha256sum -c SHA256SUMS` checks too.

Orbax notices damage of its own lists but not of the arrays.
"""

import functools
import hashlib
import os
import pathlib
import re

from gaitgs_jax import files

_FILE = 'SHA256SUMS'
_LINE = re.compile(r'([0-9a-f]{64})  (.+)\n')
# Older versions have a line on the score, which may be written later.
_UNCHECKED = 'metrics/'


def write(folder: pathlib.Path, item: str) -> None:
  """Writes SHA256SUMS, of all files below folder/item, into the folder.

  Raises:
    OSError: it cannot be written; a folder that was moved is not made again.
  """
  found = sorted(_files(folder, item).items())
  lines = [f'{_digest(path)}  {name}\n' for name, path in found]
  (folder / _FILE).write_text(''.join(lines))


def damage(folder: pathlib.Path, item: str) -> str | None:
  """Returns what is wrong with the files of SHA256SUMS, '' if nothing.

  Only content is judged: None without SHA256SUMS, as another program leaves it.

  Raises:
    OSError: a file cannot be read, which may pass.
  """
  try:
    data = files.retried(lambda: _read(folder / _FILE))
  except FileNotFoundError:
    return None
  # A power failure may leave a file empty or cut.
  lines = data.decode(errors='replace').splitlines(keepends=True)
  matches = [match for line in lines if (match := _LINE.fullmatch(line))]
  if not matches or len(matches) < len(lines):
    return f'{_FILE} is empty or cut'
  sums = {match[2]: match[1] for match in matches}
  found = files.retried(lambda: _files(folder, item))
  for name, digest in sums.items():
    if name.startswith(_UNCHECKED):
      continue
    if name not in found:
      return f'{name} is missing'
    if files.retried(functools.partial(_digest, found[name])) != digest:
      return f'{name} is not what was saved'
  for name, path in found.items():
    # Hidden ones are of network disks, such as .nfs0001.
    if name not in sums and not path.name.startswith('.'):
      return f'{_FILE} is cut: it lacks {name}'
  return ''


def _files(folder: pathlib.Path, item: str) -> dict[str, pathlib.Path]:
  """Returns the files below folder/item, by their path from the folder."""

  def fail(error: OSError) -> None:
    raise error

  found = {}
  for place, _, names in os.walk(folder / item, onerror=fail):
    for path in (pathlib.Path(place, name) for name in names):
      if path.is_file():
        found[path.relative_to(folder).as_posix()] = path
  return found


def _read(path: pathlib.Path) -> bytes:
  return files.read(path, files.JSON_BYTES)


def _digest(path: pathlib.Path) -> str:
  with files.open_regular(path) as file:
    # typeshed knows a BinaryIO without what every binary file has.
    return hashlib.file_digest(file, 'sha256').hexdigest()  # type: ignore[arg-type]
