"""What a gallery needs of the database that its tables are in."""

import contextlib
from collections.abc import Iterator
from typing import Any, Protocol

from gaitgs_jax.gallery.people import Backend

# The version of the tables.
VERSION = 1
# Seconds to wait for another process that writes.
PATIENCE = 30


class Database(Protocol):
  """The tables `model`, `person` and `walk`.

  Statements are of the SQL that every database takes, with a ? for each value.
  All methods raise UserError where the database cannot be used.

  Attributes:
    name: what messages call it.
    traces: what may still hold a person who was removed, for messages; '' if
      nothing does.
  """

  name: str
  traces: str

  def rows(self, statement: str, *values: Any) -> list[tuple]:
    """Returns the rows that a statement finds."""

  def run(self, statement: str, *values: Any) -> int:
    """Runs a statement; returns how many rows it changed."""

  def stream(self, statement: str) -> Iterator[tuple]:
    """Yields the rows that a statement finds, within `snapshot`."""

  def transaction(self) -> contextlib.AbstractContextManager[None]:
    """Runs a body that writes, all of it or nothing, one process at a time."""

  def snapshot(self) -> contextlib.AbstractContextManager[None]:
    """Runs a body that reads one state, whatever is written meanwhile."""

  def index(self) -> None:
    """Prepares walks that were just stored for searching, if need be."""

  def preselected(self) -> Backend | None:
    """Returns what searches the database itself; None if nothing does."""

  def erase(self) -> None:
    """Makes sure that what was deleted cannot be read again."""

  def close(self) -> None:
    """Ends the connection."""


def newer(name: str, version: object) -> str:
  """Returns the message for tables of another version."""
  return (
    f'{name}: its tables are of version {version}, and this gaitgs_jax knows'
    f' version {VERSION}; use the gaitgs_jax that made it, or a newer one'
  )


def missing(name: str) -> str:
  """Returns the message for a gallery that was never made."""
  return f'{name}: no such gallery; make one with `python -m gaitgs_jax enroll`'
