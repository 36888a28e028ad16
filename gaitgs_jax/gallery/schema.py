"""The SQLite file of a gallery: its tables, and opening it."""

import contextlib
import os
import pathlib
import sqlite3
from collections.abc import Iterator

from gaitgs_jax.errors import UserError, one_line

# Of the file's header: 'gait', and the version of the tables.
APPLICATION = 0x67616974
VERSION = 1
# Seconds to wait for another process that writes.
_PATIENCE = 30

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


def connect(path: pathlib.Path, *, create: bool) -> sqlite3.Connection:
  """Opens a gallery's file, whose tables are checked.

  Commits are on the disk when they return, and what is deleted is overwritten.

  Args:
    path: of the file.
    create: whether to make it if there is none; only its owner may read it.

  Raises:
    UserError: there is none, it cannot be opened, or it is something else.
  """
  with as_user_error(path):
    if create:
      with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    elif not path.exists():
      raise UserError(
        f'{path}: no such gallery; make one with `python -m gaitgs_jax enroll`'
      )
    if not path.is_file():
      raise UserError(f'{path}: is not a file; pass the file of a gallery')
    connection = sqlite3.connect(
      path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
    )
    try:
      for setting in (
        'trusted_schema = OFF',
        'foreign_keys = ON',
        'secure_delete = ON',
        'synchronous = FULL',
      ):
        connection.execute(f'PRAGMA {setting}')
      _check(connection, path, create)
      return connection
    except BaseException:
      connection.close()
      raise


def _check(
  connection: sqlite3.Connection, path: pathlib.Path, create: bool
) -> None:
  """Makes the tables in an empty file, and refuses other files.

  Raises:
    UserError: see `connect`.
  """
  if _number(connection, 'application_id') != APPLICATION:
    if connection.execute('SELECT count(*) FROM sqlite_master').fetchone()[0]:
      raise UserError(
        f'{path}: is an SQLite file, but not a gallery; choose another'
        ' --gallery'
      )
    if not create:
      raise UserError(f'{path}: the gallery is empty; enroll somebody first')
    connection.execute('PRAGMA journal_mode = WAL')
    _make(connection)
  version = _number(connection, 'user_version')
  if version != VERSION:
    raise UserError(
      f'{path}: its tables are of version {version}, and this gaitgs_jax knows'
      f' version {VERSION}; use the gaitgs_jax that made it, or a newer one'
    )


def _make(connection: sqlite3.Connection) -> None:
  with transaction(connection):
    # Another process may have made them meanwhile.
    if _number(connection, 'application_id') == APPLICATION:
      return
    for statement in _TABLES.split(';'):
      connection.execute(statement)
    connection.execute(f'PRAGMA application_id = {APPLICATION}')
    connection.execute(f'PRAGMA user_version = {VERSION}')


def _number(connection: sqlite3.Connection, pragma: str) -> int:
  return connection.execute(f'PRAGMA {pragma}').fetchone()[0]


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
  """Runs a body that writes, all of it or nothing."""
  connection.execute('BEGIN IMMEDIATE')
  try:
    yield
    connection.execute('COMMIT')
  except BaseException:
    # Where the disk is full, SQLite has done so.
    if connection.in_transaction:
      connection.execute('ROLLBACK')
    raise


@contextlib.contextmanager
def as_user_error(path: pathlib.Path) -> Iterator[None]:
  """Converts what SQLite and the disk say of a file.

  Raises:
    UserError: the file cannot be read or written, or is damaged.
  """
  try:
    yield
  except sqlite3.IntegrityError:
    raise
  except (sqlite3.OperationalError, sqlite3.DatabaseError) as error:
    # SQLITE_ERROR is a fault in our statements.
    fault = getattr(error, 'sqlite_errorcode', None)
    if fault in (None, sqlite3.SQLITE_ERROR):
      raise
    hint = {
      sqlite3.SQLITE_NOTADB: 'is it the file of a gallery?',
      sqlite3.SQLITE_BUSY: 'another process uses it; try again when it is done',
      sqlite3.SQLITE_FULL: 'make room on the disk and run the command again',
      sqlite3.SQLITE_CORRUPT: 'the file is damaged; take a copy from elsewhere',
    }.get(fault & 0xFF, 'check the path and its permissions')
    raise UserError(f'{path}: {one_line(error)}; {hint}') from error
  except OSError as error:
    raise UserError(f'{path}: {error.strerror or error}') from error
