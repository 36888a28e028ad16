"""Reads TFDS's JSON files on a dataset, which may be damaged or hostile."""

import re
from pathlib import Path
from typing import Any

from gaitgs_jax import files
from gaitgs_jax.errors import UserError, one_line


def read(path: Path) -> Any:
  """Returns what one of them holds.

  Raises:
    UserError: it is missing, or not JSON.
  """
  try:
    return files.read_json(path)
  except (OSError, ValueError) as error:
    reason = error.strerror if isinstance(error, OSError) else error
    raise UserError(
      f'{path.parent}: no prepared dataset there ({path.name} cannot be read:'
      f' {one_line(reason)}); make one with `python -m gaitgs_jax prepare`'
    ) from error


def count(value: Any, least: int, most: int) -> int:
  """Returns a number of TFDS's JSON, which may be text.

  Raises:
    ValueError: it is not a whole number from `least` to `most`.
  """
  if isinstance(value, str) and re.fullmatch(r'[0-9]{1,12}', value):
    value = int(value)
  if type(value) is not int or not least <= value <= most:
    raise ValueError(f'{value!r:.80} is not a whole number in {least}..{most}')
  return value
