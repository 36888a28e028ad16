"""People, their consent and their walks, in one SQLite file.

Every change is one transaction: it is on the disk when the call returns, or it
never happened. A gallery holds the embeddings of one model.
"""

import datetime
import pathlib
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from gaitgs_jax.errors import UserError, one_line, printable, wrong_choice
from gaitgs_jax.gallery import schema

# Characters of a name or of a note.
_LONGEST_NAME, _LONGEST_NOTE = 200, 10_000


class Model(NamedTuple):
  """What made a gallery's embeddings.

  Attributes:
    fingerprint: of its weights, and of what it is given.
    title: what messages call it.
    metric: the distance of its embeddings, 'euclidean' or 'cosine'.
  """

  fingerprint: str
  title: str
  metric: str


class Walk(NamedTuple):
  """A walk of a person.

  Attributes:
    source: where it came from; a person has one walk of each source.
    frames: how many the model saw.
    embedding: float32 [p,d].
  """

  source: str
  frames: int
  embedding: np.ndarray


class Person(NamedTuple):
  """A person of a gallery.

  Attributes:
    name: unlike any other.
    walks: how many there are.
    consent: the note on it; '' if there is none.
    consented: date of that note, '' if there is none.
    enrolled: time of the first walk, UTC.
  """

  name: str
  walks: int
  consent: str
  consented: str
  enrolled: str


class Enrolled(NamedTuple):
  """All walks of a gallery in memory.

  Attributes:
    names: of the people.
    person: int [m], whose walk each is: a place in `names`.
    sources: of the walks, m.
    embeddings: float32 [m,p,d].
  """

  names: list[str]
  person: np.ndarray
  sources: list[str]
  embeddings: np.ndarray


class Store:
  """An open gallery; a context manager that closes it.

  Args:
    path: of the file.
    create: whether to make it if there is none.

  Raises:
    UserError: there is none, or it is not a gallery.
  """

  def __init__(self, path: pathlib.Path, *, create: bool = False):
    self.path = path
    self._connection = schema.connect(path, create=create)

  def __enter__(self) -> Self:
    return self

  def __exit__(self, *_: object) -> None:
    self.close()

  def close(self) -> None:
    """Closes the file."""
    self._connection.close()

  def model(self) -> Model | None:
    """Returns the model of the gallery's walks; None while it has none."""
    rows = self._rows('SELECT fingerprint, title, metric FROM model')
    return Model(*rows[0]) if rows else None

  def check_model(self, model: Model) -> None:
    """Raises UserError if the gallery's walks were embedded by another."""
    own = self.model()
    if own is None or own[::2] == model[::2]:
      return
    if own.fingerprint == model.fingerprint:
      raise UserError(
        f'{self.path}: compares embeddings by {own.metric} distances, and the'
        f' config says {model.metric}; use the config that it was enrolled with'
      )
    raise UserError(
      f'{self.path}: was enrolled with {own.title} ({own.fingerprint[:12]}),'
      f' not with {model.title} ({model.fingerprint[:12]}), and embeddings of'
      ' two models cannot be compared; pass the --workdir and --checkpoint of'
      ' the first, or enroll everybody in a new --gallery'
    )

  def enroll(
    self,
    name: str,
    model: Model,
    walks: Sequence[Walk],
    *,
    consent: str = '',
  ) -> int:
    """Stores walks of a person; those of a known source are replaced.

    Args:
      name: of the person, who is new or known.
      model: that embedded the walks.
      walks: at least one.
      consent: a note on the person's consent, which gets today's date; ''
        leaves what is there.

    Returns:
      How many of the walks replaced one.

    Raises:
      UserError: the name is not fit to be printed, the gallery is of another
        model, or it cannot be written.
    """
    check_person(name, consent)
    shape = walks[0].embedding.shape
    now = datetime.datetime.now(datetime.UTC)
    time, date = now.isoformat(timespec='seconds'), now.date().isoformat()
    with schema.as_user_error(self.path), schema.transaction(self._connection):
      self.check_model(model)
      self._run(
        'INSERT INTO model (fingerprint, title, metric, parts, features)'
        ' VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
        (*model, *shape),
      )
      self._run(
        'INSERT INTO person (name, consent, consented, enrolled)'
        " VALUES (?, '', '', ?) ON CONFLICT DO NOTHING",
        (name, time),
      )
      if consent:
        self._run(
          'UPDATE person SET consent = ?, consented = ? WHERE name = ?',
          (consent, date, name),
        )
      ((person,),) = self._rows('SELECT id FROM person WHERE name = ?', name)
      ((model_id,),) = self._rows('SELECT id FROM model')
      count = 'SELECT count(*) FROM walk WHERE person = ?'
      ((before,),) = self._rows(count, person)
      for walk in walks:
        assert walk.embedding.shape == shape
        blob = np.ascontiguousarray(walk.embedding, '<f4').tobytes()
        self._run(
          'INSERT OR REPLACE INTO walk'
          ' (person, model, source, frames, enrolled, embedding)'
          ' VALUES (?, ?, ?, ?, ?, ?)',
          (person, model_id, walk.source, walk.frames, time, blob),
        )
      ((after,),) = self._rows(count, person)
    return len(walks) - (after - before)

  def calibration(self) -> str:
    """Returns the calibration stored with the model; '' if there is none."""
    rows = self._rows('SELECT calibration FROM model')
    return rows[0][0] if rows else ''

  def set_calibration(self, text: str) -> None:
    """Stores a calibration with the gallery's model.

    Raises:
      UserError: the gallery cannot be written.
    """
    with schema.as_user_error(self.path), schema.transaction(self._connection):
      self._run('UPDATE model SET calibration = ?', (text,))

  def people(self) -> list[Person]:
    """Returns everybody, by name."""
    rows = self._rows(
      'SELECT name, count(walk.id), consent, consented, person.enrolled'
      ' FROM person LEFT JOIN walk ON walk.person = person.id'
      ' GROUP BY person.id ORDER BY name'
    )
    return [Person(*row) for row in rows]

  def rename(self, name: str, new: str) -> None:
    """Gives a person another name.

    Raises:
      UserError: there is no such person, or the new name is taken.
    """
    _check_text('--to', new, _LONGEST_NAME)
    with schema.as_user_error(self.path), schema.transaction(self._connection):
      person = self._person(name)
      if self._rows('SELECT 1 FROM person WHERE name = ?', new):
        raise UserError(
          f'{self.path}: there is a {one_line(new)} already; choose another'
          ' name'
        )
      self._run('UPDATE person SET name = ? WHERE id = ?', (new, person))

  def remove(self, name: str) -> int:
    """Removes a person with all walks; nothing of them stays in the file.

    Returns:
      How many walks there were.

    Raises:
      UserError: there is no such person, or another process has the gallery
        open, so that its file cannot be rewritten.
    """
    with schema.as_user_error(self.path):
      with schema.transaction(self._connection):
        person = self._person(name)
        # Of pages that are freed, `secure_delete` overwrites the content.
        walks = self._run('DELETE FROM walk WHERE person = ?', (person,))
        self._run('DELETE FROM person WHERE id = ?', (person,))
        # A gallery without walks takes any model.
        self._run('DELETE FROM model WHERE id NOT IN (SELECT model FROM walk)')
      self._rewrite()
    return walks

  def _rewrite(self) -> None:
    """Writes the file again without free pages, and empties its log.

    Raises:
      UserError: another process reads it.
    """
    self._connection.execute('VACUUM')
    ((busy, _, _),) = self._rows('PRAGMA wal_checkpoint(TRUNCATE)')
    if busy:
      raise UserError(
        f'{self.path}: the person is removed, but {self.path.name}-wal still'
        ' holds the old pages while another process has the gallery open; close'
        ' it, then run `python -m gaitgs_jax people list` on the gallery'
      )

  def export(self, name: str) -> dict[str, Any]:
    """Returns all that is stored of a person, in JSON's types.

    Raises:
      UserError: there is no such person, or a walk is damaged.
    """
    person = self._person(name)
    ((_, *facts),) = self._rows('SELECT * FROM person WHERE id = ?', person)
    walks = self._rows(
      'SELECT source, frames, walk.enrolled, fingerprint, title, parts,'
      ' features, embedding FROM walk JOIN model ON model.id = walk.model'
      ' WHERE person = ? ORDER BY walk.id',
      person,
    )
    keys = ('source', 'frames', 'enrolled', 'fingerprint', 'model')
    return {
      **dict(
        zip(('name', 'consent', 'consented', 'enrolled'), facts, strict=True)
      ),
      'walks': [
        {
          **dict(zip(keys, said, strict=True)),
          'embedding': self._array(blob, (parts, features)).tolist(),
        }
        for *said, parts, features, blob in walks
      ],
    }

  def load(self) -> Enrolled:
    """Reads all walks into memory.

    Raises:
      UserError: nobody is enrolled, or a walk is damaged.
    """
    with schema.as_user_error(self.path):
      # One state of the file, whatever is written meanwhile.
      self._connection.execute('BEGIN')
      try:
        return self._load()
      finally:
        self._connection.execute('COMMIT')

  def _load(self) -> Enrolled:
    shapes = self._rows('SELECT parts, features FROM model')
    if not shapes:
      raise UserError(f'{self.path}: nobody is enrolled; enroll somebody first')
    (shape,) = shapes
    people = self._rows('SELECT id, name FROM person ORDER BY name')
    place = {person: i for i, (person, _) in enumerate(people)}
    ((count,),) = self._rows('SELECT count(*) FROM walk')
    embeddings = np.empty((count, *shape), np.float32)
    persons, sources = np.empty(count, np.int64), []
    walks = self._connection.execute(
      'SELECT person, source, embedding FROM walk ORDER BY id'
    )
    for row, (person, source, blob) in enumerate(walks):
      persons[row] = place[person]
      sources.append(source)
      embeddings[row] = self._array(blob, shape)
    names = [printable(name) for _, name in people]
    return Enrolled(names, persons, sources, embeddings)

  def _array(self, blob: bytes, shape: tuple[int, int]) -> np.ndarray:
    if not isinstance(blob, bytes) or len(blob) != 4 * shape[0] * shape[1]:
      raise UserError(
        f'{self.path}: holds an embedding that is not [{shape[0]},{shape[1]}];'
        ' the file is damaged: take a copy from elsewhere'
      )
    return np.frombuffer(blob, '<f4').reshape(shape)

  def _person(self, name: str) -> int:
    """Returns a person's number, or raises UserError."""
    rows = self._rows('SELECT id FROM person WHERE name = ?', name)
    if not rows:
      names = [each for (each,) in self._rows('SELECT name FROM person')]
      raise wrong_choice(f'{self.path}: no person {name!r}', name, names)
    return rows[0][0]

  def _rows(self, statement: str, *values: Any) -> list[Any]:
    with schema.as_user_error(self.path):
      return self._connection.execute(statement, values).fetchall()

  def _run(self, statement: str, values: Iterable[Any] = ()) -> int:
    """Runs a statement; returns how many rows it changed."""
    cursor: sqlite3.Cursor = self._connection.execute(statement, (*values,))
    return cursor.rowcount


def check_person(name: str, consent: str) -> None:
  """Raises UserError if a name or a note on consent cannot be stored."""
  _check_text('--person', name, _LONGEST_NAME)
  if consent:
    _check_text('--consent', consent, _LONGEST_NOTE)


def _check_text(option: str, text: str, longest: int) -> None:
  if not text.strip() or not text.isprintable() or len(text) > longest:
    raise UserError(
      f'{option}={one_line(repr(text))}: pass a text of one line, at most'
      f' {longest:,} characters'
    )
