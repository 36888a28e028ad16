"""Reading and writing state dicts in files; only writing needs PyTorch."""

import contextlib
import functools
import importlib
import io
import pathlib
import struct
import zipfile
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from gaitgs_jax import atomic, files
from gaitgs_jax.errors import UserError, listed, one_line
from gaitgs_jax.interop import hub, safetensors, torch_pickle
from gaitgs_jax.interop.torch_pickle import Storage, Tensor

_ZIP = b'PK\x03\x04'
# PyTorch's magic number, pickled, and that of its form; before version 1.6.
_OLD = b'\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.'

# Under which programs save a state dict; the first that is there is taken.
_USUAL = ('model', 'state_dict', 'model_state_dict', 'net')
# Dicts within dicts that are looked into; hostile ones hold themselves.
_DEEPEST = 4
# Keys of a file that a message names.
_SHOWN = 8

# Returns the bytes of a storage.
_Reader = Callable[[Storage], bytes | memoryview]


def read_checkpoint(path: str | pathlib.Path) -> dict[str, np.ndarray]:
  """Reads the state dict of a `.pt` or `.safetensors` file.

  Nothing in the file can run: of a Lightning checkpoint's hyperparameters,
  schedules and callbacks nothing is built, and memory is taken for the state
  dict alone.

  Args:
    path: `hf://owner/repository/path` is fetched from the hub. A file of a
      state dict, or of a dict that holds one: under 'model',
      'state_dict' or another usual name, or only one under any name; what a
      file is shows in its first bytes, not in its name.

  Returns:
    Name -> array, read-only; floats are float32.

  Raises:
    UserError: if the file is none of these.
  """
  path = hub.fetch(str(path)) if hub.is_url(path) else pathlib.Path(path)
  if not path.is_file():
    raise UserError(f'no checkpoint file at {path}')
  try:
    with files.open_regular(path) as file:
      start = file.read(len(_OLD))
      if start.startswith(_ZIP):
        with zipfile.ZipFile(file) as archive:
          return _state_dict(path, *_open_zip(archive, path.stat().st_size))
      if start == _OLD:
        return _state_dict(path, *_open_old(file.read()))
      if safetensors.is_one(start):
        return safetensors.read(file, path.stat().st_size)
    raise ValueError('it begins like none')
  except (
    OSError,
    ValueError,
    OverflowError,
    LookupError,
    EOFError,
    RuntimeError,  # An encrypted or otherwise strange zip.
    zipfile.BadZipFile,
    struct.error,
  ) as error:
    raise UserError(
      f'{path} is not a PyTorch checkpoint that can be read: '
      # Some messages quote the file.
      + one_line(str(error) or type(error).__name__)
    ) from error


def _state_dict(
  path: pathlib.Path, content: Any, read: _Reader
) -> dict[str, np.ndarray]:
  content = _find_state_dict(path, content)
  # Once each, as any number of tensors may be views of one storage.
  numbers = functools.cache(functools.partial(_numbers, read))
  return {
    key: _array(value, numbers(value.storage)) for key, value in content.items()
  }


def _find_state_dict(path: pathlib.Path, content: Any) -> dict[str, Tensor]:
  """Returns the dict of named tensors that a file holds.

  Raises:
    UserError: there is none, or several that may be meant.
  """
  for _ in range(_DEEPEST):
    if not isinstance(content, dict) or _is_state_dict(content):
      break
    named = [key for key in _USUAL if isinstance(content.get(key), dict)]
    others = [key for key in content if _is_state_dict(content[key])]
    if not named and len(others) != 1:
      raise UserError(
        f'{path} holds {"several" if others else "no"} state dicts of named'
        f' tensors; its keys are {_shown(others or content)}: save the one that'
        ' is meant by itself, under model'
      )
    content = content[(named or others)[0]]
  if not _is_state_dict(content):
    raise UserError(f'{path} holds no state dict of named tensors')
  return content


def _is_state_dict(content: Any) -> bool:
  return (
    isinstance(content, dict)
    and bool(content)
    and all(isinstance(value, Tensor) for value in content.values())
  )


def _shown(keys: Iterable[Any]) -> str:
  """Returns a few keys of a file's dict; others are counted."""
  names = [
    key[:40] if isinstance(key, str) else type(key).__name__ for key in keys
  ]
  return listed(map(repr, names), _SHOWN) or 'none'


def _open_zip(archive: zipfile.ZipFile, size: int) -> tuple[Any, _Reader]:
  """Returns what a zip's pickle describes, and where its storages are."""
  entries = archive.infolist()
  # PyTorch compresses nothing; what is compressed, or lies in the file several
  # times over, could be of any size.
  stored = all(
    entry.compress_type == zipfile.ZIP_STORED
    and entry.compress_size == entry.file_size
    for entry in entries
  )
  if not stored or sum(entry.file_size for entry in entries) > size:
    raise ValueError('its zip is not as PyTorch writes them')
  folder = entries[0].filename.split('/')[0]
  with contextlib.suppress(KeyError):
    _check_order(archive.read(f'{folder}/byteorder') == b'little')
  content, _ = torch_pickle.load(io.BytesIO(archive.read(f'{folder}/data.pkl')))
  return content, lambda storage: archive.read(f'{folder}/data/{storage.key}')


def _open_old(data: bytes) -> tuple[Any, _Reader]:
  """Returns what pickles one behind another describe, and their storages."""
  file = io.BytesIO(data)
  system, _ = torch_pickle.load(file)
  _check_order(isinstance(system, dict) and system.get('little_endian') is True)
  content, storages = torch_pickle.load(file)
  keys, _ = torch_pickle.load(file)
  start, found = file.tell(), {}
  for key in keys if isinstance(keys, list) else ():
    storage = storages[key if isinstance(key, str) else '']
    size = int.from_bytes(data[start : start + 8], 'little')
    start += 8
    end = start + size * storage.dtype.itemsize
    found[key] = memoryview(data)[start:end]
    start = end
  return content, lambda storage: found[storage.key]


def _check_order(is_little: bool) -> None:
  if not is_little:
    raise ValueError('its numbers are not little-endian')


def _numbers(read: _Reader, storage: Storage) -> np.ndarray:
  values = np.frombuffer(read(storage), storage.dtype)
  if len(values) != storage.size:
    raise ValueError(f'its storage {storage.key[:80]!r} is cut short')
  if storage.dtype.kind in 'iub':
    return values
  # A float; bfloat16 is of no kind of numpy's own.
  with np.errstate(over='ignore'):
    return values.astype(np.float32, copy=False)


def _array(tensor: Tensor, values: np.ndarray) -> np.ndarray:
  """Returns a tensor as a view of its storage, which bounds its memory.

  Raises:
    ValueError: it reaches beyond its storage.
  """
  _, offset, shape, strides = tensor
  if 0 in shape:
    return np.zeros(shape, values.dtype)
  last = offset + sum(
    (size - 1) * stride for size, stride in zip(shape, strides, strict=True)
  )
  if last >= len(values):
    raise ValueError('a tensor reaches beyond its storage')
  steps = [stride * values.itemsize for stride in strides]
  return np.lib.stride_tricks.as_strided(
    values[offset:], shape, steps, writeable=False
  )


def write_checkpoint(
  path: pathlib.Path,
  state_dict: Mapping[str, np.ndarray],
  key: str = 'model',
  prefix: str = '',
) -> None:
  """Writes a state dict as a `.pt` or `.safetensors` file, whole or not at all.

  Args:
    path: the file, `cloud.folder`'s in a bucket; what was there is replaced.
      Its name says what it becomes.
    state_dict: name -> array.
    key: under which a `.pt` holds it; '' where it is nothing else.
    prefix: put in front of every name.

  Raises:
    UserError: a `.pt` without PyTorch, or the file cannot be written.
  """
  if path.suffix == safetensors.SUFFIX:
    named = {f'{prefix}{name}': each for name, each in state_dict.items()}
    atomic.write(path, safetensors.packed(named))
    return
  torch = _torch()
  named = {
    f'{prefix}{name}': torch.tensor(np.array(array))
    for name, array in state_dict.items()
  }
  # Torch would hide why it cannot write to a file.
  buffer = io.BytesIO()
  torch.save({key: named} if key else named, buffer)
  atomic.write(path, buffer.getvalue())


def _torch() -> Any:
  try:
    return importlib.import_module('torch')
  except ImportError as error:
    raise UserError(
      'writing a .pt file needs PyTorch: pip install torch'
    ) from error
