"""A gallery's tables in a PostgreSQL database with pgvector.

For a service of many machines: whoever enrolls writes here, and a search asks
the database for the likeliest walks alone (`preselected.py`).
"""

import contextlib
import re
from collections.abc import Iterator
from typing import Any

from gaitgs_jax.errors import UserError, one_line
from gaitgs_jax.gallery import database
from gaitgs_jax.gallery.preselected import FEATURES, Preselected

# Everything is in this schema of the database.
_SCHEMA = 'gaitgs'
# Of the lock that whoever writes holds: 'gait'.
_LOCK = 0x67616974
_SECONDS = 10  # To connect.

_TABLES = f"""
CREATE EXTENSION IF NOT EXISTS vector;
CREATE SCHEMA {_SCHEMA};
CREATE TABLE version (number INTEGER NOT NULL);
CREATE TABLE model (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  fingerprint TEXT NOT NULL UNIQUE,
  title TEXT NOT NULL,
  metric TEXT NOT NULL,
  parts INTEGER NOT NULL,
  features INTEGER NOT NULL,
  calibration TEXT NOT NULL DEFAULT ''
);
CREATE TABLE preselection (
  model BIGINT PRIMARY KEY REFERENCES model (id) ON DELETE CASCADE,
  basis BYTEA NOT NULL,
  center BYTEA NOT NULL
);
CREATE TABLE person (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name TEXT COLLATE "C" NOT NULL UNIQUE,
  consent TEXT NOT NULL,
  consented TEXT NOT NULL,
  enrolled TEXT NOT NULL
);
CREATE TABLE walk (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  person BIGINT NOT NULL REFERENCES person (id) ON DELETE CASCADE,
  model BIGINT NOT NULL REFERENCES model (id),
  source TEXT COLLATE "C" NOT NULL,
  frames INTEGER NOT NULL,
  enrolled TEXT NOT NULL,
  embedding BYTEA NOT NULL,
  selection VECTOR({FEATURES}),
  UNIQUE (person, source)
);
-- Floating-point numbers are as long when compressed.
ALTER TABLE walk ALTER embedding SET STORAGE EXTERNAL;
CREATE INDEX walk_model ON walk (model);
-- pgvector's smaller defaults lose people who walk unlike all others.
CREATE INDEX walk_selection ON walk USING hnsw (selection vector_l2_ops)
  WITH (m = 32, ef_construction = 256);
"""


def is_url(place: str) -> bool:
  """Returns whether a gallery is in PostgreSQL."""
  return re.match(r'postgres(ql)?://', place) is not None


class Postgres:
  """A connection to a database; see `database.Database`.

  Args:
    url: postgresql://user@host/database; a password is better kept in
      ~/.pgpass or PGPASSWORD, as others can see a command's options.
    create: whether to make the tables if there are none.

  Raises:
    UserError: the database cannot be reached or used, or has no gallery.
  """

  traces = "the server's write-ahead log and backups may still hold them"

  def __init__(self, url: str, *, create: bool):
    try:
      import psycopg
    except ModuleNotFoundError as error:
      raise UserError(
        'a gallery in PostgreSQL needs the package psycopg; install it:'
        " pip install 'gaitgs_jax[postgres]'"
      ) from error
    try:
      given = psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
      raise UserError(
        f'--gallery: {one_line(error)}; pass postgresql://USER@HOST/DATABASE'
      ) from error
    self._psycopg, self.name = psycopg, _printable_url(given)
    with self._as_user_error():
      given = {'connect_timeout': _SECONDS, **given}
      self._connection = psycopg.connect(**given, autocommit=True)
      try:
        # Whatever the server's default is: what is reported stays.
        self.run('SET synchronous_commit = on')
        self.run(f'SET lock_timeout = {1000 * database.PATIENCE}')
        self.run(f'SET search_path = {_SCHEMA}, public')
        self._check(create)
      except BaseException:
        self._connection.close()
        raise
    self._preselected: Preselected | None = None

  def _check(self, create: bool) -> None:
    """Makes the tables if there are none.

    Raises:
      UserError: there are none, or they are of another version.
    """
    if not self._made():
      if not create:
        raise UserError(database.missing(self.name))
      with self.transaction():
        # Another process may have made them meanwhile.
        if not self._made():
          for statement in _TABLES.split(';'):
            self.run(statement)
          self.run('INSERT INTO version VALUES (?)', database.VERSION)
    ((version,),) = self.rows('SELECT number FROM version')
    if version != database.VERSION:
      raise UserError(database.newer(self.name, version))

  def _made(self) -> bool:
    # Not `to_regclass`, which may answer from before the lock was waited for.
    return bool(
      self.rows(
        'SELECT 1 FROM pg_class JOIN pg_namespace'
        ' ON pg_namespace.oid = relnamespace'
        " WHERE nspname = ? AND relname = 'version'",
        _SCHEMA,
      )
    )

  def rows(self, statement: str, *values: Any) -> list[tuple]:
    """Returns the rows that a statement finds."""
    with self._as_user_error():
      return self._execute(statement, values).fetchall()

  def run(self, statement: str, *values: Any) -> int:
    """Runs a statement; returns how many rows it changed."""
    with self._as_user_error():
      return self._execute(statement, values).rowcount

  def stream(self, statement: str) -> Iterator[tuple]:
    """Yields the rows that a statement finds, some at a time."""
    with (
      self._as_user_error(),
      self._connection.cursor('stream', binary=True) as cursor,
    ):
      yield from cursor.execute(statement)

  def _execute(self, statement: str, values: tuple) -> Any:
    return self._connection.execute(
      statement.replace('?', '%s'), values or None, binary=True
    )

  @contextlib.contextmanager
  def transaction(self) -> Iterator[None]:
    """Runs a body that writes, all of it or nothing, one process at a time."""
    with self._as_user_error(), self._connection.transaction():
      self.run('SELECT pg_advisory_xact_lock(?)', _LOCK)
      yield

  @contextlib.contextmanager
  def snapshot(self) -> Iterator[None]:
    """Runs a body that reads one state."""
    with self._as_user_error(), self._connection.transaction():
      self.run('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY')
      yield

  def index(self) -> None:
    """Computes the preselection numbers of walks that have none."""
    self._search().index()

  def preselected(self) -> Preselected | None:
    """Returns what searches the database; None while it holds few walks."""
    found = self._search()
    return found if found.opened() else None

  def _search(self) -> Preselected:
    if self._preselected is None:
      self._preselected = Preselected(self)
    return self._preselected

  def erase(self) -> None:
    """Frees what was deleted, which no statement can read from then on."""
    self.run('VACUUM walk, person')

  def close(self) -> None:
    """Ends the connection."""
    self._connection.close()

  @contextlib.contextmanager
  def _as_user_error(self) -> Iterator[None]:
    """Converts what the server says, other than on faults in our statements.

    Raises:
      UserError: it cannot be reached, refuses something or has no room.
    """
    errors = self._psycopg.errors
    try:
      yield
    except (
      self._psycopg.OperationalError,
      self._psycopg.InterfaceError,
      errors.InsufficientPrivilege,
      errors.ReadOnlySqlTransaction,
      # Of an extension that is not installed, or too old.
      errors.FeatureNotSupported,
      errors.UndefinedObject,
      errors.UndefinedFile,
    ) as error:
      hint = _HINTS.get(
        getattr(error, 'sqlstate', None) or '',
        'check that the server runs, has pgvector 0.5 or newer, and lets this'
        ' user in',
      )
      raise UserError(f'{self.name}: {one_line(error)}; {hint}') from error


# By the error codes of PostgreSQL.
_HINTS = {
  '55P03': 'another process uses it; try again when it is done',
  '53100': 'make room on its disk and run the command again',
}


def _printable_url(given: dict[str, Any]) -> str:
  """Returns a database's address without a password."""
  host, name = given.get('host', 'localhost'), given.get('dbname', '')
  return f'postgresql://{host}/{name}'
