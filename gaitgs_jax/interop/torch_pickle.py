"""Follows the pickle within a `.pt` file without doing what it says.

PyTorch's own reader runs the programs of TorchScript files, which can write
files. Here instructions are followed one by one, see `pickle_machine`, to
dicts, lists, tuples, text, numbers, and descriptions of tensors; whatever else
a file would build is None.
"""

import io
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from gaitgs_jax.pickle_machine import Machine, Name

_DTYPES = {
  'DoubleStorage': np.float64,
  'FloatStorage': np.float32,
  'HalfStorage': np.float16,
  'BFloat16Storage': jnp.bfloat16,
  'LongStorage': np.int64,
  'IntStorage': np.int32,
  'ShortStorage': np.int16,
  'CharStorage': np.int8,
  'ByteStorage': np.uint8,
  'BoolStorage': np.bool_,
}
# Instructions that push what they carry, besides those of an array.
_PUSHED = {'LONG', 'LONG4', 'FLOAT', 'BINFLOAT'}
# What becomes None, by how many values go into it; -1: all since the mark.
_INERT = {
  'EMPTY_SET': 0, 'EXT1': 0, 'EXT2': 0, 'EXT4': 0, 'PERSID': 0,
  'NEXT_BUFFER': 0, 'NEWOBJ': 2, 'NEWOBJ_EX': 3,
  'FROZENSET': -1, 'INST': -1, 'OBJ': -1,
}  # fmt: skip
# Forty times those of GaitGS with its optimizer; each takes some 100 bytes.
_MAX_INSTRUCTIONS = 1 << 21


class Storage(NamedTuple):
  """Numbers that lie elsewhere in the file.

  Attributes:
    key: their name there.
    dtype: of each.
    size: how many there are.
  """

  key: str
  dtype: np.dtype
  size: int


class Tensor(NamedTuple):
  """A tensor as the file describes it; it may reach beyond its storage.

  Attributes:
    storage: where its numbers lie.
    offset: of the first one, in numbers as are the strides.
    shape: its sizes.
    strides: from one number to the next along each axis.
  """

  storage: Storage
  offset: int
  shape: tuple[int, ...]
  strides: tuple[int, ...]


def load(file: io.BytesIO) -> tuple[Any, dict[str, Storage]]:
  """Follows one pickle, from where the file stands to behind its end.

  Returns:
    What it describes, and the storages that it names by their keys.

  Raises:
    ValueError: it is damaged or endless.
  """
  machine = _TensorMachine()
  if not machine.follow(file, _MAX_INSTRUCTIONS):
    raise ValueError('its pickle has too many instructions')
  if not machine.stack:
    raise ValueError('its pickle is damaged: it holds nothing')
  return machine.stack[-1], machine.storages


class _TensorMachine(Machine):
  """A pickle machine that describes tensors."""

  def __init__(self) -> None:
    super().__init__()
    self.storages: dict[str, Storage] = {}

  def look_up(self, name: Name) -> Name:
    return name

  def call(self, name: Any, arguments: Any) -> Any:
    """Returns what a call means, None where it means nothing here."""
    match name, arguments:
      case 'collections OrderedDict', ():
        return {}
      case 'torch._utils _rebuild_tensor_v2', (
        Storage() as storage,
        offset,
        tuple() as shape,
        tuple() as strides,
        *_,
      ) if all(type(n) is int and n >= 0 for n in (offset, *shape, *strides)):
        return Tensor(storage, offset, shape, strides)
      case 'torch._utils _rebuild_parameter', (Tensor() as tensor, *_):
        return tensor
    return None

  def set_state(self, value: Any, state: Any) -> None:
    """Leaves a value as it is."""

  def other(self, opcode: str, argument: Any) -> None:
    push, pop = self.stack.append, self.pop
    if opcode in _PUSHED:
      push(argument)
    elif opcode in _INERT:
      pop(_INERT[opcode])
      push(None)
    elif opcode in ('EMPTY_LIST', 'LIST'):
      push(pop(-1) if opcode == 'LIST' else [])
    elif opcode in ('APPEND', 'APPENDS', 'ADDITEMS'):
      self._extend(pop(1 if opcode == 'APPEND' else -1))
    elif opcode in ('EMPTY_DICT', 'DICT'):
      items = pop(-1) if opcode == 'DICT' else []
      push({})
      self._update(items)
    elif opcode in ('SETITEM', 'SETITEMS'):
      self._update(pop(2 if opcode == 'SETITEM' else -1))
    elif opcode == 'BINPERSID':
      push(self._storage(*pop(1)))
    elif opcode in ('POP', 'POP_MARK'):
      pop(1 if opcode == 'POP' else -1)
    elif opcode == 'DUP':
      push(self.stack[-1])
    elif opcode != 'READONLY_BUFFER':
      raise ValueError(f'{opcode} is unknown')

  def _extend(self, values: list[Any]) -> None:
    if isinstance(self.stack[-1], list):
      self.stack[-1].extend(values)

  def _update(self, items: list[Any]) -> None:
    if isinstance(self.stack[-1], dict):
      # Of others than text nothing is wanted, and some take ages to hash.
      self.stack[-1].update(
        (key, value)
        for key, value in zip(items[::2], items[1::2], strict=True)
        if type(key) is str
      )

  def _storage(self, description: Any) -> Storage | None:
    match description:
      case ('storage', Name() as kind, str() as key, _, int() as size) | (
        'storage',
        Name() as kind,
        str() as key,
        _,
        int() as size,
        None,
      ):
        dtype = _DTYPES.get(kind.removeprefix('torch '))
        if dtype is not None:
          storage = Storage(key, np.dtype(dtype), size)
          # As two kinds of numbers it would be read, and converted, twice.
          if self.storages.setdefault(key, storage) != storage:
            raise ValueError('it describes a storage in two ways')
          return storage
    return None
