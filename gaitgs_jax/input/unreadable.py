"""Sequences that cannot be read: left out, or the end of a run."""

import sys
import threading
from collections.abc import Mapping
from typing import Any

from gaitgs_jax.errors import UserError


class Unreadable:
  """The sequences that a process could not read and does without.

  Each is named once, on standard error. Several threads may use it.
  """

  def __init__(self) -> None:
    self._errors: set[str] = set()
    self._lock = threading.Lock()

  def __len__(self) -> int:
    return len(self._errors)

  def note(self, error: UserError) -> None:
    """Takes the error of one sequence, whose message names it."""
    with self._lock:
      if str(error) in self._errors:
        return
      self._errors.add(str(error))
    print(f'left out: {error}', file=sys.stderr, flush=True)


def create(dataset: Mapping[str, Any]) -> Unreadable | None:
  """Returns where to note what is left out; None where it ends the run.

  Args:
    dataset: `config.dataset`, which `opening.check_fields` has looked at.
  """
  return Unreadable() if dataset.get('on_error') == 'skip' else None
