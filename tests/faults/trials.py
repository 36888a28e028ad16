"""Trials: one random fault each, drawn from a seed.

A kind of fault is a function `(chance, folder)` under the decorator `kind`. It
draws a fault, makes it in an empty folder, and asserts what must hold; it
returns the fault in words, for the report. `tests/faults/test_trials.py` tries
the first few seeds of every kind, `python -m tests.faults` as many as there is
time for.
"""

import dataclasses
import importlib
import pathlib
import pkgutil
import random
from collections.abc import Callable

Trial = Callable[[random.Random, pathlib.Path], str]


@dataclasses.dataclass(frozen=True)
class Kind:
  """A kind of fault.

  Attributes:
    name: what is tried, such as 'power cut after a checkpoint'.
    trial: makes one trial.
    short: how many trials `make test` makes.
  """

  name: str
  trial: Trial
  short: int

  def run(self, seed: int, folder: pathlib.Path) -> str:
    """Makes the trial of a seed; returns the fault in words."""
    return self.trial(random.Random(f'{self.name} {seed}'), folder)


_kinds: dict[str, Kind] = {}


def kind(name: str, *, short: int) -> Callable[[Trial], Trial]:
  """Adds a kind of fault, of which `make test` makes `short` trials."""

  def add(trial: Trial) -> Trial:
    assert name not in _kinds, name
    _kinds[name] = Kind(name, trial, short)
    return trial

  return add


def kinds() -> list[Kind]:
  """Returns every kind: those of the modules tests/faults/kind_*.py."""
  for module in pkgutil.iter_modules([str(pathlib.Path(__file__).parent)]):
    if module.name.startswith('kind_'):
      importlib.import_module(f'faults.{module.name}')
  return list(_kinds.values())
