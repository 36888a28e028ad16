"""Progress of long work: a bar on a terminal, a line now and then in a log."""

import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm

# Seconds between two lines of a log.
_INTERVAL = 30.0


class _Lines:
  """Writes each state of a bar as a line of its own to standard error."""

  def write(self, text: str) -> None:
    """Writes a state without what moves the cursor."""
    if line := text.strip():
      print(line, file=sys.stderr, flush=True)

  def flush(self) -> None:
    """Does nothing: every line is flushed."""


def create(
  description: str,
  unit: str,
  total: int | None = None,
  items: Iterable[Any] | None = None,
) -> tqdm:
  """Returns a progress bar on standard error.

  Args:
    description: what is being done.
    unit: what is counted, in the plural.
    total: how many there are, None if not known yet.
    items: what to go through, if the bar is to be iterated.
  """
  options: dict[str, Any] = {'file': sys.stderr}
  if not sys.stderr.isatty():
    options = {
      'file': _Lines(),
      # Nothing is known before the total is.
      'delay': 1e-3 if total is None else 0,
      'mininterval': _INTERVAL,
      'maxinterval': _INTERVAL,
      'bar_format': '{desc}: {n_fmt} of {total_fmt}{unit}, {elapsed} passed, '
      '{remaining} left',
    }
  return tqdm(items, desc=description, unit=f' {unit}', total=total, **options)
