"""What a gallery holds."""

from typing import NamedTuple

import numpy as np


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
  """Walks of a gallery in memory.

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
