"""Gait models: flax and jax only, one file per paper."""

import importlib
import inspect
import pathlib
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from flax import nnx

from gaitgs_jax import dotted, skeletons
from gaitgs_jax.errors import BadValue
from gaitgs_jax.models.output import GaitOutput

__all__ = [
  'GaitOutput',
  'built_with',
  'create',
  'facts',
  'fields',
  'inputs',
  'names',
  'title',
  'unseen',
]

# Fields of models that count classes of the training data.
COUNTS = ('num_classes', 'num_views', 'num_conditions')
# Fields that the data decide, so that no config has to.
FACTS = (*COUNTS, 'skeleton')


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


def fields(name: str) -> dict[str, inspect.Parameter]:
  """Returns what `config.model` may hold for a model, by name.

  They are the keyword arguments of its file's `create`, and of the class that
  this returns.

  Raises:
    ValueError: for a name that is not one of `names()`, or a `create` that does
      not say what it returns.
  """
  function = _module(name).create
  made = typing.get_type_hints(function).get('return')
  if made is None:
    raise BadValue(
      f'model {name!r}: its create does not say which class it returns: '
      'def create(*, rngs, ...) -> MyModel'
    )
  found = {
    **inspect.signature(made.__init__).parameters,
    **inspect.signature(function).parameters,
  }
  return {
    key: parameter
    for key, parameter in found.items()
    if parameter.kind is parameter.KEYWORD_ONLY and key != 'rngs'
  }


def facts(name: str) -> dict[str, tuple[str, int]]:
  """Returns which of `FACTS` a model is built with, and which weights show it.

  A model's file says so in its own `FACTS`: field -> path of a weight, and the
  axis that is as long as the field says (for a skeleton, one entry a joint).

  Raises:
    ValueError: for a name that is not one of `names()`.
  """
  return dict(getattr(_module(name), 'FACTS', {}))


def inputs(name: str) -> tuple[str, ...]:
  """Returns the modalities that a model is for; () if their shapes decide.

  A model's file says so in its own `INPUTS` where shapes do not show it.

  Raises:
    ValueError: for a name that is not one of `names()`.
  """
  return tuple(getattr(_module(name), 'INPUTS', ()))


def unseen(name: str) -> dict[str, str]:
  """Returns the fields that no weight shows and released forms differ in.

  A model's file lists them in its own `UNSEEN`: field -> its values, and the
  datasets that weights with each were released for.

  Raises:
    ValueError: for a name that is not one of `names()`.
  """
  return dict(getattr(_module(name), 'UNSEEN', {}))


def built_with(
  name: str, shapes: Mapping[str, Sequence[int]]
) -> dict[str, Any]:
  """Returns the fields of `facts` that a model's weights show.

  Args:
    name: the model's.
    shapes: path of a weight -> its shape. What a weight would show that is not
      there is left out.

  Raises:
    ValueError: for a name that is not one of `names()`.
  """
  found: dict[str, Any] = {}
  for field, (path, axis) in facts(name).items():
    shape = shapes.get(path, ())
    length = shape[axis] if len(shape) > axis else 0
    if field == 'skeleton':
      if skeleton := skeletons.of_joints(length):
        found[field] = skeleton.name
    elif length:
      found[field] = int(length)
  return found


def title(name: str) -> str:
  """Returns a model as its authors write it, 'GaitGS'; others by their name."""
  if name not in names():
    return name
  return typing.get_type_hints(_module(name).create)['return'].__name__


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
    ValueError: for a name that is not one of `names()`, or values that do not
      fit.
    TypeError: for fields that the model does not take.
  """
  model = _module(name).create(rngs=rngs, **config)
  model.size = None if size is None else tuple(size)
  return model


def _module(name: str) -> types.ModuleType:
  if name in names():
    return importlib.import_module(f'gaitgs_jax.models.{name}')
  if '.' not in name:
    raise BadValue(f'no model {name!r}; choose one of {", ".join(names())}')
  found = dotted.module(name, 'model')
  if not hasattr(found, 'create'):
    raise BadValue(
      f'no model {name!r}: that module defines no create(*, rngs, ...)'
    )
  return found
