"""Processes that prepare side by side and measure one at a time."""

import argparse
import pathlib
import time


def add_flag(parser: argparse.ArgumentParser) -> None:
  """Declares --turn."""
  parser.add_argument(
    '--turn',
    type=pathlib.Path,
    help='make this file when prepared, and measure once it is gone',
  )


def wait(turn: pathlib.Path | None) -> None:
  """Says that this process is prepared, and waits until it may measure."""
  if turn is None:
    return
  turn.touch()
  while turn.exists():
    time.sleep(0.05)
