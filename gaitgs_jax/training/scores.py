"""Which checkpoint of a run is the best: a score in the folder of each.

It is where Orbax writes what is given to it as metrics.
"""

import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gaitgs_jax import atomic, files

FOLDER, _FILE = 'metrics', 'metrics'


class Score(NamedTuple):
  """What an evaluation gave a checkpoint.

  Attributes:
    value: the mean of a metric, %; the best checkpoint has most.
    basis: protocol, distance and subjects; scores of different bases are not
      comparable. '' if an older version did not note it.
    metric: its name.
  """

  value: float
  basis: str = ''
  metric: str = 'rank-1'

  @property
  def metrics(self) -> dict[str, Any]:
    """The score as Orbax stores it."""
    return {'score': self.value, 'basis': self.basis, 'metric': self.metric}


def parse(metrics: Any) -> Score | None:
  """Returns the score in what Orbax has stored, None if there is none."""
  value = metrics.get('score') if isinstance(metrics, Mapping) else None
  if not isinstance(value, int | float):
    return None
  basis, metric = metrics.get('basis', ''), metrics.get('metric', 'rank-1')
  return Score(float(value), str(basis), str(metric))


def read(step: pathlib.Path) -> Score | None:
  """Returns the score in a checkpoint's folder, None if there is none.

  Raises:
    OSError: it cannot be read, which may pass.
  """
  path = step / FOLDER / _FILE
  try:
    data = files.retried(lambda: files.read(path, files.JSON_BYTES))
    return parse(files.parse_json(data))
  except (FileNotFoundError, ValueError):
    return None


def write(step: pathlib.Path, score: Score) -> None:
  """Writes a score into the folder of a checkpoint that is there."""
  path = step / FOLDER / _FILE
  atomic.write(path, json.dumps(score.metrics), follow=False)


def remove_damaged(step: pathlib.Path) -> bool:
  """Removes a score whose content is damaged; returns whether there was one.

  Raises:
    OSError: it cannot be read, which may pass.
  """
  path = step / FOLDER / _FILE
  damaged = path.exists() and read(step) is None
  if damaged:
    path.unlink()
  return damaged


def best(scores: Sequence[Score | None]) -> int | None:
  """Returns the place of the best score, None if there is none.

  Only those of the last one's basis are compared; of equals the last is best.
  """
  bases = [score.basis for score in scores if score is not None]
  places = [
    (score.value, place)
    for place, score in enumerate(scores)
    if score is not None and score.basis == bases[-1]
  ]
  return max(places)[1] if places else None


def best_of_each(scores: Sequence[Score | None]) -> list[bool]:
  """Returns which scores are the best of their basis, see `best`."""
  kept = {
    best(
      [score if score and score.basis == basis else None for score in scores]
    )
    for basis in {score.basis for score in scores if score is not None}
  }
  return [place in kept for place in range(len(scores))]


class KeepBest:
  """Orbax's policy to keep the best checkpoint of every basis.

  A run that goes on with another protocol keeps the best of the one before.
  """

  def should_preserve(
    self, checkpoints: Sequence[Any], *, context: Any
  ) -> Sequence[bool]:
    """Returns which of the checkpoints, in order of their steps, to keep."""
    del context
    return best_of_each([parse(info.metrics) for info in checkpoints])
