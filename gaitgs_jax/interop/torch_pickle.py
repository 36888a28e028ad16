"""Follows the pickle within a `.pt` file without doing what it says.

Python's unpickler calls what the file names, and PyTorch's own reader runs the
programs of TorchScript files, which can write files. Here instructions are
followed one by one to dicts, lists, tuples, text, numbers, and descriptions of
tensors; whatever else a file would build is None.
"""

import io
import pickletools
import struct
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

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
# Instructions that push what they carry.
_PUSHED = {
  'INT', 'BININT', 'BININT1', 'BININT2', 'LONG', 'LONG1', 'LONG4',
  'FLOAT', 'BINFLOAT', 'STRING', 'BINSTRING', 'SHORT_BINSTRING',
  'BINBYTES', 'SHORT_BINBYTES', 'BINBYTES8', 'BYTEARRAY8',
  'UNICODE', 'BINUNICODE', 'SHORT_BINUNICODE', 'BINUNICODE8',
}  # fmt: skip
_TUPLES = {'TUPLE1': 1, 'TUPLE2': 2, 'TUPLE3': 3}
# What becomes None, by how many values go into it; -1: all since the mark.
_INERT = {
  'NONE': 0, 'EMPTY_SET': 0, 'EXT1': 0, 'EXT2': 0, 'EXT4': 0, 'PERSID': 0,
  'NEXT_BUFFER': 0, 'NEWOBJ': 2, 'NEWOBJ_EX': 3,
  'FROZENSET': -1, 'INST': -1, 'OBJ': -1,
}  # fmt: skip
_PUT = {'PUT', 'BINPUT', 'LONG_BINPUT', 'MEMOIZE'}
_GET = {'GET', 'BINGET', 'LONG_BINGET'}
_IGNORED = {'PROTO', 'FRAME', 'STOP', 'READONLY_BUFFER'}
# What pickletools raises, and the machine, where there is no whole pickle.
_DAMAGE = (
  ValueError,
  TypeError,
  LookupError,
  ArithmeticError,
  MemoryError,
  struct.error,
)
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


class _Name(str):
  """What the file looked up: 'module name'."""


def load(file: io.BytesIO) -> tuple[Any, dict[str, Storage]]:
  """Follows one pickle, from where the file stands to behind its end.

  Returns:
    What it describes, and the storages that it names by their keys.

  Raises:
    ValueError: it is damaged or endless.
  """
  machine = _Machine()
  try:
    for count, (opcode, argument, _) in enumerate(pickletools.genops(file)):
      if count > _MAX_INSTRUCTIONS:
        raise ValueError('it has too many instructions')
      machine.run(opcode.name, argument)
    return machine.stack[-1], machine.storages
  except _DAMAGE as error:
    raise ValueError(f'its pickle is damaged: {error}') from error


class _Machine:
  """A pickle machine that calls nothing."""

  def __init__(self) -> None:
    self.stack: list[Any] = []
    self.marks: list[int] = []
    self.memo: dict[int, Any] = {}
    self.storages: dict[str, Storage] = {}

  def run(self, opcode: str, argument: Any) -> None:
    push, pop = self.stack.append, self.stack.pop
    if opcode in _PUSHED:
      push(argument)
    elif opcode in _INERT:
      self._pop(_INERT[opcode])
      push(None)
    elif opcode in ('NEWTRUE', 'NEWFALSE'):
      push(opcode == 'NEWTRUE')
    elif opcode == 'MARK':
      self.marks.append(len(self.stack))
    elif opcode == 'EMPTY_TUPLE':
      push(())
    elif opcode in _TUPLES:
      push(tuple(self._pop(_TUPLES[opcode])))
    elif opcode == 'TUPLE':
      push(tuple(self._pop(-1)))
    elif opcode in ('EMPTY_LIST', 'LIST'):
      push(self._pop(-1) if opcode == 'LIST' else [])
    elif opcode in ('APPEND', 'APPENDS', 'ADDITEMS'):
      self._extend(self._pop(1 if opcode == 'APPEND' else -1))
    elif opcode == 'EMPTY_DICT':
      push({})
    elif opcode == 'DICT':
      items = self._pop(-1)
      push({})
      self._update(items)
    elif opcode in ('SETITEM', 'SETITEMS'):
      self._update(self._pop(2 if opcode == 'SETITEM' else -1))
    elif opcode in _PUT:
      key = len(self.memo) if opcode == 'MEMOIZE' else argument
      self.memo[key] = self.stack[-1]
    elif opcode in _GET:
      push(self.memo[argument])
    elif opcode == 'GLOBAL':
      push(_Name(argument))
    elif opcode == 'STACK_GLOBAL':
      # As text, tuples of tuples could fill the memory.
      parts = [part for part in self._pop(2) if isinstance(part, str)]
      push(_Name(' '.join(parts)))
    elif opcode == 'REDUCE':
      push(_build(*self._pop(2)))
    elif opcode == 'BINPERSID':
      push(self._storage(pop()))
    elif opcode == 'BUILD' or opcode == 'POP':
      pop()
    elif opcode == 'POP_MARK':
      self._pop(-1)
    elif opcode == 'DUP':
      push(self.stack[-1])
    elif opcode not in _IGNORED:
      raise ValueError(f'{opcode} is unknown')

  def _pop(self, count: int) -> list[Any]:
    """Takes so many values off the stack, or all since the last mark."""
    start = self.marks.pop() if count < 0 else len(self.stack) - count
    if not 0 <= start <= len(self.stack):
      raise ValueError('values are missing')
    values = self.stack[start:]
    del self.stack[start:]
    return values

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
      case ('storage', _Name() as kind, str() as key, _, int() as size) | (
        'storage',
        _Name() as kind,
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


def _build(name: Any, arguments: Any) -> Any:
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
