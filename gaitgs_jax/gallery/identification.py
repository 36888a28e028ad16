"""From the nearest walks to people, or to nobody."""

from typing import NamedTuple

import numpy as np

from gaitgs_jax.gallery.calibration import Calibration
from gaitgs_jax.gallery.search import Backend
from gaitgs_jax.gallery.store import Enrolled


class Candidate(NamedTuple):
  """A person whom a walk may show.

  Attributes:
    name: of the person.
    distance: of the person's nearest walk.
    far: at most this share of strangers comes as near to any enrolled walk.
    source: of that walk.
  """

  name: str
  distance: float
  far: float
  source: str


class Answer(NamedTuple):
  """Who a walk shows.

  Attributes:
    name: of the first candidate, '' where the person is unknown.
    candidates: of different people, nearest first.
  """

  name: str
  candidates: list[Candidate]


def identify(
  probes: np.ndarray,
  enrolled: Enrolled,
  backend: Backend,
  calibration: Calibration,
  *,
  far: float,
  count: int = 5,
) -> list[Answer]:
  """Names the people of some walks.

  Args:
    probes: float32 [n,p,d].
    enrolled: the gallery.
    backend: that searches its embeddings.
    calibration: of the model.
    far: share of the strangers that may be named.
    count: of candidates, if there are as many people.

  Raises:
    UserError: the calibration cannot tell for so small a rate and so large a
      gallery.
  """
  walks = len(enrolled.person)
  limit = calibration.threshold(far, walks)
  # Among so many walks there are `count` people, or all.
  most = int(np.bincount(enrolled.person).max())
  k = min(walks, (count - 1) * most + 1)
  distances, rows = backend.nearest(probes, k)
  rates = calibration.rate(distances, walks)
  answers = []
  for nearest, near, rate in zip(rows, distances, rates, strict=True):
    _, firsts = np.unique(enrolled.person[nearest], return_index=True)
    candidates = [
      Candidate(
        enrolled.names[enrolled.person[nearest[i]]],
        float(near[i]),
        float(rate[i]),
        enrolled.sources[nearest[i]],
      )
      for i in np.sort(firsts)[:count]
    ]
    known = candidates[0].distance <= limit
    answers.append(Answer(candidates[0].name if known else '', candidates))
  return answers
