"""Finding the nearest people; another backend needs what `Backend` says."""

from typing import NamedTuple, Protocol

import numpy as np

from gaitgs_jax.gallery.records import Enrolled
from gaitgs_jax.gallery.search import Index


class Near(NamedTuple):
  """A person near a walk.

  Attributes:
    name: of the person.
    distance: of the person's nearest walk, as `evaluation.distance` has it.
    source: of that walk.
  """

  name: str
  distance: float
  source: str


class Backend(Protocol):
  """What finds the nearest of a gallery's people.

  Attributes:
    walks: how many are enrolled.
    people: how many of whom.
  """

  walks: int
  people: int

  def nearest(self, probes: np.ndarray, count: int) -> list[list[Near]]:
    """Returns the nearest people of each probe, nearest first.

    Args:
      probes: float32 [n,p,d].
      count: how many people, if there are as many.
    """


class InMemory:
  """Searches walks that were loaded.

  Args:
    enrolled: the walks.
    index: of their embeddings.
  """

  def __init__(self, enrolled: Enrolled, index: Index):
    self.walks, self.people = len(enrolled.person), len(enrolled.names)
    self._enrolled, self._index = enrolled, index

  def nearest(self, probes: np.ndarray, count: int) -> list[list[Near]]:
    """Returns the nearest people; see `Backend`."""
    names, person, sources, _ = self._enrolled
    # Among so many walks there are `count` people, or all.
    most = int(np.bincount(person).max())
    k = min(self.walks, (count - 1) * most + 1)
    distances, rows = self._index.nearest(probes, k)
    found = []
    for near, row in zip(distances.tolist(), rows, strict=True):
      _, firsts = np.unique(person[row], return_index=True)
      found.append(
        [
          Near(names[person[row[i]]], near[i], sources[row[i]])
          for i in np.sort(firsts)[:count]
        ]
      )
    return found
