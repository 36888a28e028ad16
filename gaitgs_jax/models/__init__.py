"""Gait models: flax and jax only, one file per paper."""

import importlib
import pathlib
from collections.abc import Sequence
from typing import Any

from flax import nnx

from gaitgs_jax.models.output import GaitOutput

__all__ = ['GaitOutput', 'create', 'names']


def names() -> tuple[str, ...]:
  """Returns the names of the models: every file here that defines `create`."""
  folder = pathlib.Path(__file__).parent
  return tuple(
    sorted(
      path.stem
      for path in folder.glob('*.py')
      if '\ndef create(' in path.read_text() and not path.stem.startswith('_')
    )
  )


def create(
  name: str,
  *,
  rngs: nnx.Rngs,
  size: Sequence[int] | None = None,
  **config: Any,
) -> nnx.Module:
  """Builds the model of `gaitgs_jax/models/<name>.py`.

  Args:
    name: the file's name, such as 'gaitgs'.
    rngs: the source of the initial weights.
    size: of a frame, (h, w) of silhouettes or (v, 3) of skeletons, which the
      inputs must have; see `entry` for None.
    **config: the fields of `config.model`.

  Returns:
    A module to be called as `model(inputs, mask, train=False, key=None)`.

  Raises:
    ValueError: for a name that is not one of `names()`, or fields that the
      model does not take.
  """
  if name not in names():
    raise ValueError(f'no model {name!r}; choose one of {", ".join(names())}')
  module = importlib.import_module(f'gaitgs_jax.models.{name}')
  model = module.create(rngs=rngs, **config)
  model.size = None if size is None else tuple(size)
  return model
