"""Stopping a run on SIGTERM, SIGHUP or Ctrl-C, in all its processes at once.

A process that left alone would leave the others waiting for it in their next
collective. So each only notes a signal, and all combine what they noted at
points that every process reaches.
"""

import functools
import os
import signal
import threading
import types
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from gaitgs_jax import streams

# By weight: where one process was interrupted and another terminated, the run
# was interrupted.
_SIGNALS = ('', 'SIGHUP', 'SIGTERM', 'SIGINT')
_NOHUP = (signal.SIGHUP, signal.SIG_IGN)
# What a shell makes of a process that SIGINT ended.
INTERRUPTED = 128 + signal.SIGINT


class Stopping:
  """Notes, while it is entered, that this or another process was to stop.

  The first SIGTERM, SIGINT or SIGHUP, as of a terminal that is closed, is only
  noted; a second Ctrl-C leaves at once, by KeyboardInterrupt or, as the others
  would keep Python from it, where there are several processes, by the end of
  this one. A SIGHUP that nohup has this process ignore stays ignored. Nothing
  is caught outside the main thread, where Python allows no handlers.

  Args:
    then: what follows the first signal, for the message.

  Attributes:
    requested: the signal that this process had, '' while there was none.
    agreed: the signal that all processes know of, '' while there is none.
  """

  def __init__(self, then: str = 'saving, then leaving'):
    self.requested = self.agreed = ''
    self._then = then
    self._shared = jax.process_count() > 1
    self._before: dict[signal.Signals, Any] = {}
    self._pending: jax.Array | None = None
    self._wakeup: tuple[int, int] | None = None

  def __enter__(self) -> 'Stopping':
    try:
      for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if (number, signal.getsignal(number)) != _NOHUP:
          self._before[number] = signal.signal(number, self._note)
    except ValueError:
      self._before.clear()
    if self._before and self._shared:
      self._listen()
    return self

  def __exit__(self, *_: object) -> None:
    for number, handler in self._before.items():
      signal.signal(number, handler)
    if self._wakeup is not None:
      writer, before = self._wakeup
      signal.set_wakeup_fd(before)
      os.close(writer)

  def agree(self) -> bool:
    """Returns whether a process was asked to stop before the last call of this.

    Every process calls it as often, between the same collectives. With several
    processes it takes up what they noted until now, and gives what they had
    noted when it was last called: by then that is known, and none waits.
    """
    if not self._shared:
      self.agreed = self.requested
      return bool(self.agreed)
    last, self._pending = self._pending, self._combine()
    if last is not None and not self.agreed:
      self.agreed = _SIGNALS[int(last)]
    return bool(self.agreed)

  def settle(self) -> str:
    """Returns the signal that any process had until now, '' if there is none.

    Every process calls it, and waits for the others.
    """
    self.agree()
    self.agree()
    return self.agreed

  def _combine(self) -> jax.Array:
    noted = np.array([_SIGNALS.index(self.requested)], np.int32)
    sharding, greatest = _combiner()
    shape = (jax.device_count(),)
    return greatest(
      jax.make_array_from_callback(shape, sharding, lambda _: noted)
    )

  def _note(self, number: int, _: types.FrameType | None) -> None:
    if self.requested:
      if number == signal.SIGINT:
        raise KeyboardInterrupt
      return
    self.requested = signal.Signals(number).name
    again = '; again to leave at once' if number == signal.SIGINT else ''
    streams.tell(f'\n{self.requested}: {self._then}{again}\n')

  def _listen(self) -> None:
    """Ends this process at the second Ctrl-C, whatever it waits for.

    Python's handlers wait for the main thread, and that may wait for another
    process which is gone.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    self._wakeup = writer, signal.set_wakeup_fd(writer)

    def listen() -> None:
      interrupts = 0
      while noted := os.read(reader, 1):
        interrupts += noted[0] == signal.SIGINT
        if interrupts > 1:
          os._exit(INTERRUPTED)
      os.close(reader)

    threading.Thread(target=listen, daemon=True).start()


def leave(agreed: str) -> None:
  """Ends what was interrupted, so that no command after it goes on.

  Raises:
    KeyboardInterrupt: after SIGINT.
    SystemExit: after SIGTERM or SIGHUP.
  """
  if agreed == 'SIGINT':
    raise KeyboardInterrupt
  if agreed:
    raise SystemExit(128 + signal.Signals[agreed])


@functools.cache
def _combiner() -> tuple[NamedSharding, Callable[[jax.Array], jax.Array]]:
  """Returns where each device's signal goes, and what gives the greatest."""
  devices = np.asarray(jax.devices())
  mesh = Mesh(devices, ('all',), axis_types=(AxisType.Auto,))
  everywhere = NamedSharding(mesh, PartitionSpec())
  return (
    NamedSharding(mesh, PartitionSpec('all')),
    jax.jit(jnp.max, out_shardings=everywhere),
  )
