"""A Kalman filter of boxes that move at constant velocity.

The state is the box's centre, its width over height and its height, and how
much each changes in a frame, as in SORT and DeepSORT,
https://arxiv.org/abs/1703.07402. The noise grows with the person's height.
"""

import dataclasses

import numpy as np

# Standard deviations as shares of the height: of the place, and of its change
# in a frame.
_PLACE, _CHANGE = 1 / 20, 1 / 160
# Of width over height, which has no unit.
_SHAPE, _SHAPE_CHANGE, _SHAPE_SEEN = 1e-2, 1e-5, 1e-1

_STEP = np.eye(8) + np.eye(8, k=4)


@dataclasses.dataclass(frozen=True)
class State:
  """What is believed of a box.

  Attributes:
    mean: [8]: x and y of the centre, width / height, height; their changes.
    covariance: [8,8].
  """

  mean: np.ndarray
  covariance: np.ndarray

  @property
  def box(self) -> np.ndarray:
    """The box [4]."""
    x, y, shape, height = self.mean[:4]
    half = np.array([max(shape, 0.01) * height, height]) / 2
    centre = np.array([x, y])
    return np.concatenate([centre - half, centre + half])


def _measured(box: np.ndarray) -> np.ndarray:
  width, height = np.maximum(box[2:] - box[:2], 1e-3)
  x, y = (box[:2] + box[2:]) / 2
  return np.array([x, y, width / height, height])


def start(box: np.ndarray) -> State:
  """Returns the state of a box [4] that is seen for the first time."""
  mean = np.concatenate([_measured(box), np.zeros(4)])
  height = mean[3]
  place, change = 2 * _PLACE * height, 10 * _CHANGE * height
  deviation = [place, place, _SHAPE, place]
  deviation += [change, change, _SHAPE_CHANGE, change]
  return State(mean, np.diag(np.square(deviation)))


def predict(state: State) -> State:
  """Returns the state one frame later."""
  height = state.mean[3]
  place, change = _PLACE * height, _CHANGE * height
  deviation = [place, place, _SHAPE, place]
  deviation += [change, change, _SHAPE_CHANGE, change]
  noise = np.diag(np.square(deviation))
  return State(_STEP @ state.mean, _STEP @ state.covariance @ _STEP.T + noise)


def update(state: State, box: np.ndarray) -> State:
  """Returns the state once a box [4] was seen."""
  place = _PLACE * state.mean[3]
  noise = np.diag(np.square([place, place, _SHAPE_SEEN, place]))
  # The measurement is the first half of the state.
  seen = state.covariance[:4, :4] + noise
  gain = np.linalg.solve(seen, state.covariance[:4]).T
  mean = state.mean + gain @ (_measured(box) - state.mean[:4])
  return State(mean, state.covariance - gain @ seen @ gain.T)
