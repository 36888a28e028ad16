"""Digests of a checkpoint's files, which `sha256sum -c SHA256SUMS` checks too.

Orbax notices damage of its own lists but not of the arrays.
"""

import hashlib
import pathlib

from gaitgs_jax import atomic

_FILE = 'SHA256SUMS'
# Older versions have a line on the score, which may be written later.
_UNCHECKED = 'metrics/'


def write(folder: pathlib.Path, item: str) -> None:
  """Writes SHA256SUMS, of all files below folder/item, into the folder."""
  files = [path for path in (folder / item).rglob('*') if path.is_file()]
  lines = [
    f'{_digest(path)}  {path.relative_to(folder)}\n' for path in sorted(files)
  ]
  atomic.write(folder / _FILE, ''.join(lines))


def damage(folder: pathlib.Path) -> str:
  """Returns what is wrong with the files of SHA256SUMS, '' if nothing.

  Without SHA256SUMS, as another program leaves it, nothing is.
  """
  sums = folder / _FILE
  if not sums.exists():
    return ''
  for line in sums.read_bytes().decode(errors='replace').splitlines():
    digest, _, name = line.partition('  ')
    if name.startswith(_UNCHECKED):
      continue
    try:
      same = _digest(folder / name) == digest
    except (OSError, ValueError) as error:
      return f'{name or _FILE}: {error}'
    if not same:
      return f'{name} is not what was saved'
  return ''


def _digest(path: pathlib.Path) -> str:
  with path.open('rb') as file:
    return hashlib.file_digest(file, 'sha256').hexdigest()
