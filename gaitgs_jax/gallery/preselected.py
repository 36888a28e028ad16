"""Searching a database: the likeliest walks by its index, then exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gaitgs_jax.evaluation import sharing
from gaitgs_jax.evaluation.preselection import Preselection
from gaitgs_jax.gallery.people import InMemory, Near
from gaitgs_jax.gallery.records import Enrolled
from gaitgs_jax.gallery.search import ExactTiles

if TYPE_CHECKING:
  from gaitgs_jax.gallery.database import Database

# Numbers of a walk in the index.
FEATURES = 128
# Walks that these numbers are derived from; fewer are all compared.
_ENOUGH = 1024
# Walks compared exactly, of each probe; pgvector's index gives up to 1,000.
_CANDIDATES = 400


class Preselected:
  """Asks the database for the likeliest walks, and compares these.

  See `people.Backend`. The numbers are those of `evaluation.preselection`,
  filled up with zeros, which changes no distance between them.

  Args:
    database: of the gallery, which stays open.
  """

  def __init__(self, database: Database):
    self._database = database
    self._known: tuple[int, Preselection] | None = None
    self.walks = self.people = 0

  def opened(self) -> bool:
    """Returns whether there is something to search, as it is now."""
    counts = 'SELECT (SELECT count(*) FROM walk), (SELECT count(*) FROM person)'
    ((self.walks, self.people),) = self._database.rows(counts)
    return self._preselection() is not None

  def index(self) -> None:
    """Stores the numbers of walks that have none, once there are enough."""
    database = self._database
    preselection = self._preselection()
    if preselection is None:
      ((walks,),) = database.rows('SELECT count(*) FROM walk')
      if walks < _ENOUGH:
        return
    found = database.rows(
      'SELECT walk.id, parts, features, embedding FROM walk'
      ' JOIN model ON model.id = walk.model WHERE selection IS NULL'
    )
    if not found:
      return
    ids, parts, features, blobs = zip(*found, strict=True)
    embeddings = _arrays(blobs, (parts[0], features[0]))
    if preselection is None:
      preselection = self._fit(embeddings)
    for walk, vector in zip(ids, _texts(preselection, embeddings), strict=True):
      database.run(
        'UPDATE walk SET selection = ?::vector WHERE id = ?', vector, walk
      )

  def _fit(self, embeddings: np.ndarray) -> Preselection:
    ((model, metric),) = self._database.rows('SELECT id, metric FROM model')
    made = Preselection.fit(embeddings, features=FEATURES, metric=metric)
    self._database.run(
      'INSERT INTO preselection (model, basis, center) VALUES (?, ?, ?)',
      model,
      np.ascontiguousarray(made.basis, '<f4').tobytes(),
      np.ascontiguousarray(made.offset, '<f4').tobytes(),
    )
    return made

  def _preselection(self) -> Preselection | None:
    """Returns the database's; read once, as it stays while its model does."""
    ids = self._database.rows('SELECT model FROM preselection')
    if not ids:
      return None
    ((model,),) = ids
    if self._known is None or self._known[0] != model:
      ((metric, basis, center),) = self._database.rows(
        'SELECT metric, basis, center FROM preselection'
        ' JOIN model ON model.id = preselection.model'
      )
      offset = np.frombuffer(center, '<f4')
      basis = np.frombuffer(basis, '<f4').reshape(-1, len(offset))
      nothing = np.zeros((0, 1, len(offset)), np.float16)
      self._known = model, Preselection(basis, offset, nothing, metric)
    return self._known[1]

  def nearest(self, probes: np.ndarray, count: int) -> list[list[Near]]:
    """Returns the nearest people; see `people.Backend`."""
    preselection = self._preselection()
    assert preselection is not None
    return [
      self._among(self._likeliest(vector), probe, preselection.metric, count)
      for vector, probe in zip(
        _texts(preselection, probes), probes, strict=True
      )
    ]

  def _likeliest(self, vector: str) -> list[tuple]:
    """Returns name, source and embedding of the walks to compare."""
    with self._database.snapshot():
      self._database.run(f'SET LOCAL hnsw.ef_search = {_CANDIDATES}')
      return self._database.rows(
        'SELECT name, source, embedding FROM walk'
        ' JOIN person ON person.id = walk.person'
        ' ORDER BY selection <-> ?::vector LIMIT ?',
        vector,
        _CANDIDATES,
      )

  def _among(
    self, walks: list[tuple], probe: np.ndarray, metric: str, count: int
  ) -> list[Near]:
    people, sources, blobs = zip(*walks, strict=True)
    names, person = np.unique(people, return_inverse=True)
    embeddings = _arrays(blobs, probe.shape)
    enrolled = Enrolled(names.tolist(), person, list(sources), embeddings)
    index = ExactTiles(embeddings, metric)
    return InMemory(enrolled, index).nearest(probe[None], count)[0]


def _arrays(blobs: tuple[bytes, ...], shape: tuple[int, ...]) -> np.ndarray:
  """Returns embeddings float32 [n,p,d] of the bytes that are stored."""
  return np.stack([np.frombuffer(blob, '<f4').reshape(shape) for blob in blobs])


def _texts(preselection: Preselection, embeddings: np.ndarray) -> list[str]:
  """Returns the numbers of embeddings [n,p,d] as pgvector writes them."""
  vectors = preselection.vectors_of(embeddings, sharing.local_mesh())[:, 0]
  filled = np.zeros((len(vectors), FEATURES), np.float32)
  filled[:, : vectors.shape[1]] = vectors
  return [f'[{",".join(map(str, row))}]' for row in filled.tolist()]
