"""One file per command; see `gaitgs_jax.__main__`.

Loads without the packages that running needs, and on older Pythons, so that
what is missing can be said.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from gaitgs_jax.errors import UserError

# As pyproject.toml says: jax needs the first, TensorFlow lacks the last.
_FIRST, _BEYOND = (3, 11), (3, 14)


@contextlib.contextmanager
def environment() -> Iterator[None]:
  """Says what to install where running a command finds that it is missing.

  Raises:
    UserError: this Python or its packages are not those that are needed.
  """
  if not _FIRST <= sys.version_info[:2] < _BEYOND:
    raise UserError(
      'gaitgs_jax needs Python 3.11, 3.12 or 3.13, and this is'
      f' {sys.version_info[0]}.{sys.version_info[1]} ({sys.executable})'
    )
  try:
    yield
  except ModuleNotFoundError as error:
    if (error.name or 'gaitgs_jax').split('.')[0] == 'gaitgs_jax':
      raise
    raise UserError(
      f'the package {error.name} is not installed for {sys.executable}.'
      ' Activate the environment (`. .venv/bin/activate` after `make`), or'
      ' install: `pip install .` in the folder of this project'
    ) from error
