"""Reading and writing `.pt` files; the only place that needs PyTorch."""

import contextlib
import importlib
import io
import os
import pathlib
import pickle
import types
from collections.abc import Mapping
from typing import Any

import numpy as np

from gaitgs_jax.errors import UserError

# All that a file of tensors needs to build.
_ALLOWED = (
  ('collections', 'OrderedDict'),
  ('torch._utils', '_rebuild_parameter'),
  ('torch._utils', '_rebuild_tensor_v2'),
)


class _Inert:
  """Stands for whatever else a file would build; it takes anything."""

  def __new__(cls, *_: Any, **__: Any) -> '_Inert':
    return super().__new__(cls)

  def __init__(self, *_: Any, **__: Any):
    pass

  def __call__(self, *_: Any, **__: Any) -> '_Inert':
    return self

  def _ignore(self, *_: Any) -> None:
    pass

  __setstate__ = __setitem__ = append = extend = add = _ignore


class _TensorsOnly(pickle.Unpickler):
  """Builds tensors and plain containers; all the rest comes out inert."""

  def find_class(self, module: str, name: str) -> Any:
    if (module, name) in _ALLOWED:
      return super().find_class(module, name)
    return _Inert


def _load(file: Any, **options: Any) -> Any:
  return _TensorsOnly(file, **options).load()


def read_checkpoint(path: str | pathlib.Path) -> dict[str, np.ndarray]:
  """Reads the state dict of a `.pt` file, as PyTorch users save them.

  Nothing in the file can run: of a Lightning checkpoint's hyperparameters,
  schedules and callbacks nothing is built.

  Args:
    path: a file of a state dict, or of a dict that holds one under 'model' or
      'state_dict'.

  Returns:
    Name -> array.

  Raises:
    UserError: without PyTorch, or if the file is none of these.
  """
  torch = _torch('reading')
  if not pathlib.Path(path).is_file():
    raise UserError(f'no checkpoint file at {path}')
  # `torch.load` takes a module in place of `pickle`.
  reader = types.SimpleNamespace(
    __name__='pickle', Unpickler=_TensorsOnly, load=_load
  )
  try:
    content = torch.load(
      path, map_location='cpu', weights_only=False, pickle_module=reader
    )
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
    key: value.detach().to(torch.float32).numpy()
    if value.is_floating_point()
    else value.detach().numpy()
    for key, value in content.items()
  }


def write_checkpoint(
  path: str | pathlib.Path,
  state_dict: Mapping[str, np.ndarray],
  key: str = 'model',
  prefix: str = '',
) -> None:
  """Writes a state dict as a `.pt` file, whole or not at all.

  Args:
    path: the file; what was there is replaced.
    state_dict: name -> array.
    key: under which the file holds it; '' where it is nothing else.
    prefix: put in front of every name.

  Raises:
    UserError: without PyTorch, or if the file cannot be written.
  """
  torch = _torch('writing')
  path = pathlib.Path(path)
  named = {
    f'{prefix}{name}': torch.tensor(np.array(array))
    for name, array in state_dict.items()
  }
  # Torch would hide why it cannot write to a file.
  buffer = io.BytesIO()
  torch.save({key: named} if key else named, buffer)
  beside = path.with_name(f'.{path.name}.{os.getpid()}.tmp')
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside.write_bytes(buffer.getbuffer())
    os.replace(beside, path)
  except OSError as error:
    with contextlib.suppress(OSError):
      beside.unlink()
    raise UserError(f'cannot write {path}: {error.strerror}') from error


def _torch(doing: str) -> Any:
  try:
    return importlib.import_module('torch')
  except ImportError as error:
    raise UserError(
      f'{doing} a .pt file needs PyTorch: pip install torch'
    ) from error
