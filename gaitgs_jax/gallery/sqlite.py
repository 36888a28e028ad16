"""A gallery's tables in one SQLite file."""

import contextlib
import os
import pathlib
import sqlite3
import time
from collections.abc import Iterator
from typing import Any

from gaitgs_jax.errors import UserError, one_line
from gaitgs_jax.gallery import database

# Of the file's header: 'gait'.
APPLICATION = 0x67616974

_TABLES = """
CREATE TABLE model (
  id INTEGER PRIMARY KEY,
  fingerprint TEXT NOT NULL UNIQUE,
  title TEXT NOT NULL,
  metric TEXT NOT NULL,
  parts INTEGER NOT NULL,
  features INTEGER NOT NULL,
  calibration TEXT NOT NULL DEFAULT ''
);
CREATE TABLE person (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  consent TEXT NOT NULL,
  consented TEXT NOT NULL,
  enrolled TEXT NOT NULL
);
CREATE TABLE walk (
  id INTEGER PRIMARY KEY,
  person INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  model INTEGER NOT NULL REFERENCES model (id),
  source TEXT NOT NULL,
  frames INTEGER NOT NULL,
  enrolled TEXT NOT NULL,
  embedding BLOB NOT NULL,
  UNIQUE (person, source)
);
CREATE INDEX walk_model ON walk (model);
"""


class Sqlite:
  """An open file; see `database.Database`.

  Commits are on the disk when they return, and what is deleted is overwritten.

  Args:
    path: of the file.
    create: whether to make it if there is none; only its owner may read it.

  Raises:
    UserError: there is none, it cannot be opened, or it is something else.
  """

  traces = ''

  def __init__(self, path: pathlib.Path, *, create: bool):
    self.name, self._path = str(path), path
    with self._as_user_error():
      self._connection = self._connect(create)
      try:
        for setting in (
          'trusted_schema = OFF',
          'foreign_keys = ON',
          'secure_delete = ON',
          'synchronous = FULL',
        ):
          self._connection.execute(f'PRAGMA {setting}')
        self._check(create)
      except BaseException:
        self._connection.close()
        raise

  def _connect(self, create: bool) -> sqlite3.Connection:
    path = self._path
    if create:
      with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    elif not path.exists():
      raise UserError(database.missing(self.name))
    if not path.is_file():
      raise UserError(f'{path}: is not a file; pass the file of a gallery')
    return sqlite3.connect(
      path,
      timeout=database.PATIENCE,
      isolation_level=None,
      check_same_thread=False,
    )

  def _check(self, create: bool) -> None:
    """Makes the tables in an empty file, and refuses other files.

    Raises:
      UserError: see above.
    """
    # Tables first: a process that makes them writes both at once.
    ((tables,),) = self.rows('SELECT count(*) FROM sqlite_master')
    if self._number('application_id') != APPLICATION:
      if tables:
        raise UserError(
          f'{self.name}: is an SQLite file, but not a gallery; choose another'
          ' --gallery'
        )
      if not create:
        raise UserError(
          f'{self.name}: the gallery is empty; enroll somebody first'
        )
      self._log_ahead()
      self._make()
    version = self._number('user_version')
    if version != database.VERSION:
      raise UserError(database.newer(self.name, version))

  def _log_ahead(self) -> None:
    # Of two that ask for it at once, SQLite refuses one without waiting.
    until = time.monotonic() + database.PATIENCE
    while True:
      try:
        self._connection.execute('PRAGMA journal_mode = WAL')
        return
      except sqlite3.OperationalError as error:
        locked = error.sqlite_errorcode == sqlite3.SQLITE_BUSY
        if not locked or time.monotonic() > until:
          raise
      time.sleep(0.05)

  def _make(self) -> None:
    with self.transaction():
      # Another process may have made them meanwhile.
      if self._number('application_id') == APPLICATION:
        return
      for statement in _TABLES.split(';'):
        self._connection.execute(statement)
      self._connection.execute(f'PRAGMA application_id = {APPLICATION}')
      self._connection.execute(f'PRAGMA user_version = {database.VERSION}')

  def _number(self, pragma: str) -> int:
    return self._connection.execute(f'PRAGMA {pragma}').fetchone()[0]

  def rows(self, statement: str, *values: Any) -> list[tuple]:
    """Returns the rows that a statement finds."""
    with self._as_user_error():
      return self._connection.execute(statement, values).fetchall()

  def run(self, statement: str, *values: Any) -> int:
    """Runs a statement; returns how many rows it changed."""
    with self._as_user_error():
      return self._connection.execute(statement, values).rowcount

  def stream(self, statement: str) -> Iterator[tuple]:
    """Yields the rows that a statement finds."""
    with self._as_user_error():
      yield from self._connection.execute(statement)

  @contextlib.contextmanager
  def transaction(self) -> Iterator[None]:
    """Runs a body that writes, all of it or nothing."""
    with self._as_user_error():
      self._connection.execute('BEGIN IMMEDIATE')
      try:
        yield
        self._connection.execute('COMMIT')
      except BaseException:
        # Where the disk is full, SQLite has done so.
        if self._connection.in_transaction:
          self._connection.execute('ROLLBACK')
        raise

  @contextlib.contextmanager
  def snapshot(self) -> Iterator[None]:
    """Runs a body that reads one state of the file."""
    with self._as_user_error():
      self._connection.execute('BEGIN')
      try:
        yield
      finally:
        self._connection.execute('COMMIT')

  def index(self) -> None:
    """Does nothing: all walks are searched in memory."""

  def preselected(self) -> None:
    """Returns None; see above."""

  def erase(self) -> None:
    """Writes the file again without free pages, and empties its log.

    Of pages that are freed, `secure_delete` has overwritten the content.

    Raises:
      UserError: another process reads it.
    """
    with self._as_user_error():
      self._connection.execute('VACUUM')
      ((busy, _, _),) = self.rows('PRAGMA wal_checkpoint(TRUNCATE)')
    if busy:
      raise UserError(
        f'{self.name}: the person is removed, but {self._path.name}-wal still'
        ' holds the old pages while another process has the gallery open; close'
        ' it, then run `python -m gaitgs_jax people list` on the gallery'
      )

  def close(self) -> None:
    """Closes the file."""
    self._connection.close()

  @contextlib.contextmanager
  def _as_user_error(self) -> Iterator[None]:
    """Converts what SQLite and the disk say of the file.

    Raises:
      UserError: the file cannot be read or written, or is damaged.
    """
    try:
      yield
    except sqlite3.IntegrityError:
      raise
    except sqlite3.DatabaseError as error:
      # SQLITE_ERROR is a fault in our statements.
      fault = getattr(error, 'sqlite_errorcode', None)
      if fault in (None, sqlite3.SQLITE_ERROR):
        raise
      hint = _HINTS.get(fault & 0xFF, 'check the path and its permissions')
      raise UserError(f'{self.name}: {one_line(error)}; {hint}') from error
    except OSError as error:
      raise UserError(f'{self.name}: {error.strerror or error}') from error


_HINTS = {
  sqlite3.SQLITE_NOTADB: 'is it the file of a gallery?',
  sqlite3.SQLITE_BUSY: 'another process uses it; try again when it is done',
  sqlite3.SQLITE_FULL: 'make room on the disk and run the command again',
  sqlite3.SQLITE_CORRUPT: 'the file is damaged; take a copy from elsewhere',
}
