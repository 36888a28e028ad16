"""PyTorch checkpoints: from the originals' names and layouts to ours.

Only numpy arrays pass through here; torch itself is needed for nothing but
reading a `.pt` file (`read_checkpoint`).
"""

import importlib
import pathlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from flax import nnx

from gaitgs_jax import models
from gaitgs_jax.errors import UserError

# Entries that a state dict may hold and that carry no number we use.
_IGNORED = ('num_batches_tracked',)


def _kernel(array: np.ndarray) -> np.ndarray:
  """[d,c,*taps] -> [*taps,c,d]."""
  return np.moveaxis(array, (0, 1), (-1, -2))


def _torch_kernel(array: np.ndarray) -> np.ndarray:
  """[*taps,c,d] -> [d,c,*taps]."""
  return np.moveaxis(array, (-1, -2), (0, 1))


class Layout(NamedTuple):
  """How arrays of torch's become one of ours, and back."""

  ours: Callable[[list[np.ndarray]], np.ndarray]
  theirs: Callable[[np.ndarray], list[np.ndarray]]


LAYOUTS = {
  'same': Layout(lambda arrays: arrays[0], lambda array: [array]),
  'kernel': Layout(
    lambda arrays: _kernel(arrays[0]), lambda array: [_torch_kernel(array)]
  ),
  # One kernel a part, stacked: [p,*taps,c,d].
  'part kernels': Layout(
    lambda arrays: np.stack([_kernel(each) for each in arrays]),
    lambda array: [_torch_kernel(each) for each in array],
  ),
  # [1,c,1,p] -> [p,c].
  'token': Layout(
    lambda arrays: arrays[0][0, :, 0].T,
    lambda array: [array.T[None, :, None]],
  ),
}


def from_torch(
  name: str, state_dict: Mapping[str, np.ndarray], **config: Any
) -> nnx.Module:
  """Builds a model with the weights of the original's state dict.

  Args:
    name: the model's, such as 'gaitgs'.
    state_dict: the original's names to numpy arrays; a 'module.' in front of
      every name (a data-parallel model) is dropped.
    **config: the fields of `config.model`.

  Returns:
    The model, ready to call.

  Raises:
    UserError: if names are missing or unexpected, or shapes differ; lists
      them all.
  """
  state_dict = _without_prefix(state_dict)
  graphdef, state = nnx.split(
    nnx.eval_shape(lambda: models.create(name, rngs=nnx.Rngs(0), **config))
  )
  table = _table(name, config)
  missing, misshapen, used = [], [], set()
  filled = {}
  for path, leaf in nnx.to_flat_state(state):
    names, layout = table['/'.join(map(str, path))]
    used.update(names)
    absent = [key for key in names if key not in state_dict]
    wrong = _misshapen(names, layout, state_dict, leaf.shape)
    missing += absent
    misshapen += wrong
    if not absent and not wrong:
      array = layout.ours([np.asarray(state_dict[key]) for key in names])
      filled[path] = leaf.replace(jnp.asarray(array, leaf.dtype))
  unexpected = [
    key for key in state_dict if key not in used and not key.endswith(_IGNORED)
  ]
  _raise_on_mismatch(name, missing, unexpected, misshapen)
  return nnx.merge(graphdef, nnx.from_flat_state(filled))


def to_torch(
  name: str, model: nnx.Module, **config: Any
) -> dict[str, np.ndarray]:
  """Returns the model's weights under the original's names and layouts.

  Args:
    name: the model's, such as 'gaitgs'.
    model: the model.
    **config: the fields of `config.model` that it was built with.

  Returns:
    The original's names to numpy arrays. The counter of batches that torch
    keeps beside running statistics is not among them.
  """
  table = _table(name, config)
  state_dict: dict[str, np.ndarray] = {}
  state = nnx.state(model, (nnx.Param, nnx.BatchStat))
  for path, leaf in nnx.to_flat_state(state):
    names, layout = table['/'.join(map(str, path))]
    arrays = layout.theirs(np.asarray(leaf[...]))
    state_dict |= dict(zip(names, arrays, strict=True))
  return state_dict


def _table(
  name: str, config: Mapping[str, Any]
) -> dict[str, tuple[list[str], Layout]]:
  """Returns our paths with the original's names and the layout."""
  module = importlib.import_module(f'gaitgs_jax.models.{name}')
  return {
    ours: (theirs, LAYOUTS[layout])
    for ours, theirs, layout in module.torch_names(**config)
  }


def _misshapen(
  names: list[str],
  layout: Layout,
  state_dict: Mapping[str, np.ndarray],
  shape: tuple[int, ...],
) -> list[str]:
  """Names the arrays that are there in another shape than the model's."""
  expected = layout.theirs(np.broadcast_to(np.float32(0), shape))
  return [
    f'{key} {np.shape(state_dict[key])} for {array.shape}'
    for key, array in zip(names, expected, strict=True)
    if key in state_dict and np.shape(state_dict[key]) != array.shape
  ]


def _without_prefix(
  state_dict: Mapping[str, np.ndarray],
) -> Mapping[str, np.ndarray]:
  prefix = 'module.'
  if state_dict and all(key.startswith(prefix) for key in state_dict):
    return {key[len(prefix) :]: value for key, value in state_dict.items()}
  return state_dict


def _raise_on_mismatch(
  name: str, missing: list[str], unexpected: list[str], misshapen: list[str]
) -> None:
  problems = [
    f'{len(keys)} {what}: {", ".join(keys)}'
    for what, keys in (
      ('missing', missing),
      ('unexpected', unexpected),
      ('of another shape', misshapen),
    )
    if keys
  ]
  if problems:
    raise UserError(
      f'this state dict does not fit the model {name!r}; check config.model '
      f'against the checkpoint: {"; ".join(problems)}'
    )


def read_checkpoint(path: str | pathlib.Path) -> dict[str, np.ndarray]:
  """Reads the state dict of a `.pt` file, as PyTorch users save them.

  Args:
    path: a file of a state dict, or of a dict that holds one under 'model' or
      'state_dict'. It is read with `weights_only=True`: nothing in it can run.

  Returns:
    Name -> array.

  Raises:
    UserError: without PyTorch, or if the file is none of these.
  """
  try:
    torch = importlib.import_module('torch')
  except ImportError as error:
    raise UserError(
      'reading a .pt file needs PyTorch: pip install torch'
    ) from error
  if not pathlib.Path(path).is_file():
    raise UserError(f'no checkpoint file at {path}')
  try:
    content = torch.load(path, map_location='cpu', weights_only=True)
  except Exception as error:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else ''
    raise UserError(
      f'{path} is not a PyTorch checkpoint that can be read safely: {reason}'
    ) from error
  for key in ('model', 'state_dict'):
    if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
      content = content[key]
  if not isinstance(content, Mapping) or not all(
    isinstance(value, torch.Tensor) for value in content.values()
  ):
    raise UserError(f'{path} holds no state dict of named tensors')
  return {
    key: value.to(torch.float32).numpy()
    if value.is_floating_point()
    else value.numpy()
    for key, value in content.items()
  }
