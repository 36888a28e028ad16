"""Gait recognition on JAX: who is this person, from how they walk."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gaitgs_jax import runtime

if TYPE_CHECKING:
  from ml_collections import ConfigDict

  from gaitgs_jax.apps.embedder import Embedder

__version__ = '0.1.0'

runtime.configure()


def load(
  path: str | os.PathLike,
  *,
  config: str | ConfigDict = '',
  checkpoint: str = '',
) -> Embedder:
  """Opens a trained model, whose `embed` takes walks.

  Args:
    path: a run's workdir, the name of a model that comes with the package
      (docs/weights.md), or a PyTorch or safetensors file.
    config: the model's: a file, the name of one that comes with the package, or
      a ConfigDict (default: the one that the workdir keeps).
    checkpoint: of a workdir: a path, or 'best' (default: the latest).

  Raises:
    UserError: there is no such model, or it does not fit the config.
  """
  # Imported late: importing the package stays light.
  from gaitgs_jax.apps import embedder

  return embedder.load(path, config=config, checkpoint_=checkpoint)
