"""How a run is going: numbers fetched late, one line now and then."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from gaitgs_jax.errors import UserError, listed

_SHOWN = 8


class Progress:
  """Collects the metrics of each step without making the device wait.

  A step's numbers are fetched when the next one is under way. It stops the run
  where the loss or the gradient is not finite.

  Args:
    name: gives the name of a sequence of the source, for messages.
    sequences: per batch.
    total_steps: of the run.
  """

  def __init__(
    self, name: Callable[[int], str], sequences: int, total_steps: int
  ):
    self._name, self._sequences, self._total = name, sequences, total_steps
    self._pending: tuple[int, Any, Any] | None = None
    self._window: list[Mapping[str, Any]] = []
    self._timed = 0
    self._mark: float | None = None

  def note(self, step: int, metrics: Any, sequence: Any) -> None:
    """Takes a step's numbers, on the device still; checks the step before.

    Raises:
      UserError: the step before was not finite.
    """
    self.settle()
    self._pending = (step, metrics, sequence)
    if self._mark is None:
      # The first step compiles: its time is not the rate's.
      self.settle()
      self.resume_clock()
    else:
      self._timed += 1

  def settle(self) -> None:
    """Waits for the last step's numbers and checks them.

    Raises:
      UserError: they are not finite.
    """
    if self._pending is None:
      return
    step, metrics, sequence = self._pending
    self._pending = None
    values = jax.device_get(metrics)
    self._check(step, values, sequence)
    self._window.append(values)

  def _check(self, step: int, values: Mapping[str, Any], sequence: Any) -> None:
    if np.isfinite(values['loss']) and np.isfinite(values['grad_norm']):
      return
    terms = ', '.join(f'{key} {float(v):.6g}' for key, v in values.items())
    names = listed([self._name(int(i)) for i in _local(sequence)], _SHOWN)
    raise UserError(
      f'the loss is not finite at step {step}: {terms}; the batch was '
      f'{names}. The last good checkpoint is kept: lower '
      'config.optimizer.learning_rate, or look at these sequences'
    )

  def resume_clock(self) -> None:
    """Starts timing again, after work that is not training."""
    self._mark, self._timed = time.perf_counter(), 0

  def summary(self, learning_rate: float) -> dict[str, float]:
    """Returns the means since the last summary, the rate and the speed.

    The speed is left out while only the first, compiling step was made.

    Raises:
      UserError: the last step was not finite.
    """
    self.settle()
    window, self._window = self._window, []
    means = {
      key: float(np.mean([values[key] for values in window]))
      for key in (window[0] if window else ())
    }
    means['learning_rate'] = learning_rate
    if self._timed and self._mark is not None:
      seconds = time.perf_counter() - self._mark
      means['sequences_per_second'] = self._timed * self._sequences / seconds
    self.resume_clock()
    return means

  def line(self, step: int, numbers: Mapping[str, float]) -> str:
    """Returns one line of progress."""
    parts = [f'step {step:{len(str(self._total))}}/{self._total}']
    for key, value in numbers.items():
      if key == 'learning_rate':
        parts.append(f'lr {value:.1e}')
      elif key.endswith(('_active', '_accuracy')):
        parts.append(f'{key.split("_")[-1]} {100 * value:.0f} %')
      elif key == 'sequences_per_second':
        left = (self._total - step) * self._sequences / value
        parts.append(f'{value:.3g} sequences/s  ETA {_clock(left)}')
      elif key == 'unreadable':
        parts.append(f'{key} {value:.0f}')
      elif key != 'grad_norm' and not key.endswith('_distance'):
        parts.append(f'{key} {value:.4f}')
    return '  '.join(parts)


def _clock(seconds: float) -> str:
  minutes, seconds = divmod(round(seconds), 60)
  hours, minutes = divmod(minutes, 60)
  if hours:
    return f'{hours}:{minutes:02d}:{seconds:02d}'
  return f'{minutes}:{seconds:02d}'


def _local(array: Any) -> np.ndarray:
  """Returns the rows of a batch that this process holds."""
  if isinstance(array, jax.Array) and not array.is_fully_addressable:
    shards = {str(s.index): s.data for s in array.addressable_shards}
    return np.concatenate([np.asarray(data) for data in shards.values()])
  return np.asarray(array)
