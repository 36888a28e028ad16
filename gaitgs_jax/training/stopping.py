"""Stopping a run politely: SIGTERM, or one Ctrl-C."""

import os
import signal
import types
from typing import Any


class Stopping:
  """Remembers, while it is entered, that the process was asked to stop.

  The first SIGTERM or SIGINT sets `requested`, for the loop to save and leave;
  a second Ctrl-C interrupts at once. Nothing is caught outside the main
  thread, where Python allows no handlers.

  Attributes:
    requested: the signal's name, '' while there was none.
  """

  def __init__(self, *, terminate: bool = True):
    self.requested = ''
    self._signals = [signal.SIGINT] + [signal.SIGTERM] * terminate
    self._before: dict[signal.Signals, Any] = {}

  def __enter__(self) -> 'Stopping':
    try:
      for number in self._signals:
        self._before[number] = signal.signal(number, self._note)
    except ValueError:
      self._before.clear()
    return self

  def __exit__(self, *_: object) -> None:
    for number, handler in self._before.items():
      signal.signal(number, handler)

  def _note(self, number: int, _: types.FrameType | None) -> None:
    if self.requested and number == signal.SIGINT:
      raise KeyboardInterrupt
    self.requested = signal.Signals(number).name
    # Python's own streams must not be used inside a handler.
    os.write(2, f'\n{self.requested}: saving, then leaving\n'.encode())
