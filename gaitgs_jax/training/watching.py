"""What is shown of a run while it trains: pictures, weights, and an alarm.

docs/training.md says what the numbers mean.
"""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from gaitgs_jax import losses, modalities
from gaitgs_jax.training import paths
from gaitgs_jax.training.states import Arrays

# Of a batch, and pixels of a skeleton.
_ROWS, _FRAMES, _SIDE = 8, 8, 64
# Of one weight, evenly spread.
_VALUES = 10_000
# Rows of the log that an episode of the alarm begins with.
_PATIENCE = 3
# Shares: of the margin that the loss is away from it, and of active triplets.
_NEAR, _ALL, _NONE = 0.05, 0.98, 0.001
# Of the margin: a mean distance that no triplet can be told apart by.
_NARROW = 0.1


class Alarm:
  """Notices when triplets have stopped to teach, once an episode.

  Args:
    config: `config.losses`.
  """

  def __init__(self, config: Mapping[str, Mapping[str, Any]]):
    self._margins = {
      name: float(options['margin'])
      for name, options in config.items()
      if losses.function(options.get('kind', name)) is losses.triplet
    }
    self._rows: dict[tuple[str, str], int] = {}

  def notice(self, numbers: Mapping[str, float]) -> list[str]:
    """Takes a row of the log; returns what to say now.

    An episode begins when a sign is seen in three rows on end, and ends with
    the first row without it.
    """
    said = []
    for name, margin in self._margins.items():
      signs = _signs(name, margin, numbers)
      for sign in ('collapse', 'idle'):
        place = (name, sign)
        rows = self._rows.get(place, 0) + 1 if sign in signs else 0
        self._rows[place] = rows
        if rows == _PATIENCE:
          said.append(signs[sign])
    return said


def _signs(
  name: str, margin: float, numbers: Mapping[str, float]
) -> dict[str, str]:
  """Returns what a row of the log says of one loss, by kind."""
  keys = (name, f'{name}_active', f'{name}_distance')
  if not all(key in numbers for key in keys):
    return {}
  loss, active, distance = (numbers[key] for key in keys)
  stuck = abs(loss - margin) < _NEAR * margin and active > _ALL
  if stuck or distance < _NARROW * margin:
    return {
      'collapse': (
        f'alarm: all embeddings are nearly the same ({name} {loss:.4f} at '
        f'margin {margin:g}, {100 * active:.0f} % of the triplets active, mean '
        f'distance {distance:.2g}). If it stays so, lower '
        'config.optimizer.learning_rate or lengthen its warm-up; '
        'docs/training.md'
      )
    }
  if active < _NONE:
    return {
      'idle': (
        f'alarm: {100 * active:.2g} % of the triplets of {name} are active, so '
        'that it teaches nothing more: raise its margin, take more sequences '
        'in a batch, or stop; docs/training.md'
      )
    }
  return {}


def pictures(batch: Mapping[str, Any]) -> dict[str, np.ndarray]:
  """Returns pictures of a batch as it comes from the data, uint8 [1,h,w,c].

  A row is a sequence, a column a frame; of skeletons, joints are dots.

  Args:
    batch: arrays of modalities [n,s,...], or [n,a,s,...] of copies, on this
      process's devices at least in part.
  """
  found = {}
  for name, row in modalities.MODALITIES.items():
    # Points in space have no picture.
    if name not in batch or row.is_drawn:
      continue
    values = _local(batch[name])
    if batch['mask'].ndim == 3:
      values = values[:, 0]
    chosen = np.linspace(0, values.shape[1] - 1, _FRAMES).round().astype(int)
    values = values[:_ROWS, np.unique(chosen)]
    if values.dtype != np.uint8:
      values = _dots(values)
    found[f'batch/{name}'] = _tiled(values)
  return found


def _local(array: Any) -> np.ndarray:
  """Returns the rows that the first of this process's devices has."""
  if isinstance(array, jax.Array):
    array = array.addressable_data(0)
  return np.asarray(array)


def _dots(keypoints: np.ndarray) -> np.ndarray:
  """Draws joints [n,s,v,3 or more] as pixels [n,s,h,w]."""
  points = keypoints[..., :2].astype(np.float32)
  seen = keypoints[..., 2] > 0
  some = np.where(seen[..., None], points, np.nan)
  # Of a frame without anybody, there is no least.
  some = np.where(np.any(seen, axis=2)[:, :, None, None], some, 0)
  low, high = np.nanmin(some, 2), np.nanmax(some, 2)
  size = np.maximum((high - low).max(-1), 1e-6)[..., None, None]
  places = (points - low[:, :, None]) / size * (_SIDE - 1)
  places = np.nan_to_num(places).round().astype(int).clip(0, _SIDE - 1)
  drawn = np.zeros((*points.shape[:2], _SIDE, _SIDE), np.uint8)
  n, s, v = np.nonzero(seen)
  drawn[n, s, places[n, s, v, 1], places[n, s, v, 0]] = 255
  return drawn


def _tiled(values: np.ndarray) -> np.ndarray:
  """Puts [n,s,h,w] or [n,s,h,w,c] beside and below one another, [1,h,w,c]."""
  if values.ndim == 4:
    values = values[..., None]
  if values.shape[-1] not in (1, 3):
    values = values.max(-1, keepdims=True)
  # Labels of body parts are small numbers.
  values = values * np.uint8(255 // max(int(values.max(initial=0)), 1))
  n, s, h, w, c = values.shape
  return values.transpose(0, 2, 1, 3, 4).reshape(1, n * h, s * w, c)


def weights(params: Arrays) -> dict[str, np.ndarray]:
  """Returns some values of every weight that is whole on this process."""
  found = {}
  for name, leaf in paths.flatten(params).items():
    if not leaf.is_fully_addressable:
      continue
    line = np.asarray(leaf).reshape(-1)
    step = -(-len(line) // _VALUES) or 1
    # A copy: the next step takes the weight's memory.
    found[f'weights/{name}'] = np.array(line[::step], np.float32)
  return found
