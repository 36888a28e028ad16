"""People, their consent and their walks, in a file or a database.

Every change is one transaction: it is on the disk when the call returns, or it
never happened. A gallery holds the embeddings of one model.
"""

import datetime
import pathlib
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from gaitgs_jax.errors import UserError, one_line, printable, wrong_choice
from gaitgs_jax.gallery.database import Database
from gaitgs_jax.gallery.people import Backend, InMemory
from gaitgs_jax.gallery.postgres import Postgres
from gaitgs_jax.gallery.records import Enrolled, Model, Person, Walk
from gaitgs_jax.gallery.search import ExactTiles
from gaitgs_jax.gallery.sqlite import Sqlite

# Characters of a name or of a note.
_LONGEST_NAME, _LONGEST_NOTE = 200, 10_000


class Store:
  """An open gallery; a context manager that closes it.

  Args:
    place: path of an SQLite file, or the URL of a PostgreSQL database.
    create: whether to make it if there is none.

  Raises:
    UserError: there is none, or it is not a gallery.
  """

  def __init__(self, place: pathlib.Path | str, *, create: bool = False):
    self.database: Database = (
      Sqlite(place, create=create)
      if isinstance(place, pathlib.Path)
      else Postgres(place, create=create)
    )
    self.name, self._rows = self.database.name, self.database.rows

  def __enter__(self) -> Self:
    return self

  def __exit__(self, *_: object) -> None:
    self.close()

  def close(self) -> None:
    """Closes the gallery."""
    self.database.close()

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
        f'{self.name}: compares embeddings by {own.metric} distances, and the'
        f' config says {model.metric}; use the config that it was enrolled with'
      )
    raise UserError(
      f'{self.name}: was enrolled with {own.title} ({own.fingerprint[:12]}),'
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
    with self.database.transaction():
      self.check_model(model)
      self.database.run(
        'INSERT INTO model (fingerprint, title, metric, parts, features)'
        ' VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
        *model,
        *shape,
      )
      self.database.run(
        'INSERT INTO person (name, consent, consented, enrolled)'
        " VALUES (?, '', '', ?) ON CONFLICT DO NOTHING",
        name,
        time,
      )
      if consent:
        self.database.run(
          'UPDATE person SET consent = ?, consented = ? WHERE name = ?',
          consent,
          date,
          name,
        )
      ((person,),) = self._rows('SELECT id FROM person WHERE name = ?', name)
      ((model_id,),) = self._rows('SELECT id FROM model')
      replaced = 0
      for walk in walks:
        assert walk.embedding.shape == shape
        replaced += self.database.run(
          'DELETE FROM walk WHERE person = ? AND source = ?',
          person,
          walk.source,
        )
        self.database.run(
          'INSERT INTO walk'
          ' (person, model, source, frames, enrolled, embedding)'
          ' VALUES (?, ?, ?, ?, ?, ?)',
          person,
          model_id,
          walk.source,
          walk.frames,
          time,
          np.ascontiguousarray(walk.embedding, '<f4').tobytes(),
        )
      self.database.index()
    return replaced

  def calibration(self) -> str:
    """Returns the calibration stored with the model; '' if there is none."""
    rows = self._rows('SELECT calibration FROM model')
    return rows[0][0] if rows else ''

  def set_calibration(self, text: str) -> None:
    """Stores a calibration with the gallery's model.

    Raises:
      UserError: the gallery cannot be written.
    """
    with self.database.transaction():
      self.database.run('UPDATE model SET calibration = ?', text)

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
    with self.database.transaction():
      person = self._person(name)
      if self._rows('SELECT 1 FROM person WHERE name = ?', new):
        raise UserError(
          f'{self.name}: there is a {one_line(new)} already; choose another'
          ' name'
        )
      self.database.run('UPDATE person SET name = ? WHERE id = ?', new, person)

  def remove(self, name: str) -> int:
    """Removes a person with all walks; see `Database.traces`.

    Returns:
      How many walks there were.

    Raises:
      UserError: there is no such person, or another process has the gallery
        open, so that its file cannot be rewritten.
    """
    run = self.database.run
    with self.database.transaction():
      person = self._person(name)
      walks = run('DELETE FROM walk WHERE person = ?', person)
      run('DELETE FROM person WHERE id = ?', person)
      # A gallery without walks takes any model.
      run('DELETE FROM model WHERE id NOT IN (SELECT model FROM walk)')
    self.database.erase()
    return walks

  def export(self, name: str) -> dict[str, Any]:
    """Returns all that is stored of a person, in JSON's types.

    Raises:
      UserError: there is no such person, or a walk is damaged.
    """
    with self.database.snapshot():
      return self._export(self._person(name))

  def _export(self, person: int) -> dict[str, Any]:
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
    with self.database.snapshot():
      return self._load()

  def backend(self) -> Backend:
    """Returns what finds the nearest people, exactly where all fit in memory.

    It may need the gallery open.

    Raises:
      UserError: see `load`.
    """
    found = self.database.preselected()
    if found is not None:
      return found
    enrolled, model = self.load(), self.model()
    assert model is not None
    return InMemory(enrolled, ExactTiles(enrolled.embeddings, model.metric))

  def _load(self) -> Enrolled:
    shapes = self._rows('SELECT parts, features FROM model')
    if not shapes:
      raise UserError(f'{self.name}: nobody is enrolled; enroll somebody first')
    (shape,) = shapes
    people = self._rows('SELECT id, name FROM person ORDER BY name')
    place = {person: i for i, (person, _) in enumerate(people)}
    ((count,),) = self._rows('SELECT count(*) FROM walk')
    embeddings = np.empty((count, *shape), np.float32)
    persons, sources = np.empty(count, np.int64), []
    walks = self.database.stream(
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
        f'{self.name}: holds an embedding that is not [{shape[0]},{shape[1]}];'
        ' the file is damaged: take a copy from elsewhere'
      )
    return np.frombuffer(blob, '<f4').reshape(shape)

  def _person(self, name: str) -> int:
    """Returns a person's number, or raises UserError."""
    rows = self._rows('SELECT id FROM person WHERE name = ?', name)
    if not rows:
      names = [each for (each,) in self._rows('SELECT name FROM person')]
      raise wrong_choice(f'{self.name}: no person {name!r}', name, names)
    return rows[0][0]


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
