"""From the nearest people to a name, or to nobody's."""

from typing import NamedTuple

import numpy as np

from gaitgs_jax.gallery.calibration import Calibration
from gaitgs_jax.gallery.people import Backend


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
  backend: Backend,
  calibration: Calibration,
  *,
  far: float,
  count: int = 5,
) -> list[Answer]:
  """Names the people of some walks.

  Args:
    probes: float32 [n,p,d].
    backend: that searches the gallery.
    calibration: of the model.
    far: share of the strangers that may be named.
    count: of candidates, if there are as many people.

  Raises:
    UserError: the calibration cannot tell for so small a rate and so large a
      gallery.
  """
  limit = calibration.threshold(far, backend.walks)
  answers = []
  for people in backend.nearest(probes, count):
    distances = np.array([each.distance for each in people], np.float32)
    rates = calibration.rate(distances, backend.walks)
    candidates = [
      Candidate(each.name, each.distance, float(rate), each.source)
      for each, rate in zip(people, rates, strict=True)
    ]
    known = candidates[0].distance <= limit
    answers.append(Answer(candidates[0].name if known else '', candidates))
  return answers
