"""Follows the instructions of a pickle and calls nothing that it names.

Python's unpickler calls whatever the file names, and even with its look-ups
restricted a dozen bytes can make it allocate gigabytes (a memo index of 2^31).
Here instructions are followed one by one, and push nothing but bytes, text,
numbers, tuples and what a subclass makes of names and calls: one numeric array
in `input.pickles`, descriptions of tensors in `interop.torch_pickle`.
"""

import abc
import io
import os
import pickletools
import struct
from typing import Any, BinaryIO, cast

# Instructions that push what they carry: bytes, text and integers.
_PUSHED = {
  'SHORT_BINBYTES', 'BINBYTES', 'BINBYTES8', 'BYTEARRAY8',
  'STRING', 'BINSTRING', 'SHORT_BINSTRING',
  'UNICODE', 'BINUNICODE', 'SHORT_BINUNICODE', 'BINUNICODE8',
  'INT', 'BININT', 'BININT1', 'BININT2', 'LONG1',
}  # fmt: skip
_CONSTANTS = {'NONE': None, 'NEWTRUE': True, 'NEWFALSE': False}
# By how many values go into them; -1: all since the mark.
_TUPLES = {'EMPTY_TUPLE': 0, 'TUPLE1': 1, 'TUPLE2': 2, 'TUPLE3': 3, 'TUPLE': -1}
_PUT = {'PUT', 'BINPUT', 'LONG_BINPUT', 'MEMOIZE'}
_GET = {'GET', 'BINGET', 'LONG_BINGET'}
_IGNORED = {'PROTO', 'FRAME', 'STOP'}
# Raised by pickletools, and by the machine, where a pickle is damaged.
_DAMAGE = (
  ValueError,
  TypeError,
  LookupError,
  ArithmeticError,
  MemoryError,
  struct.error,
)
# A line of protocol 0, which writes numbers as text, takes four times the
# 512 MiB of the largest sequence.
_LONGEST_LINE = 1 << 27
# Bytes that may be asked for where there are none.
_LITTLE = 1 << 16


class Name(str):
  """What the file looked up: 'module name'."""


class Machine(abc.ABC):
  """A pickle machine; a subclass says what names, calls and states mean.

  Attributes:
    position: where the last instruction begins, of a pickle in memory.
  """

  def __init__(self) -> None:
    self.position = 0
    self.stack: list[Any] = []
    self._marks: list[int] = []
    self._memo: dict[int, Any] = {}

  def follow(self, file: BinaryIO, most: int) -> bool:
    """Runs the instructions of one pickle, from where the file stands.

    Args:
      file: left behind the pickle's end.
      most: how many instructions to run.

    Returns:
      Whether the pickle ended within that many.

    Raises:
      ValueError: it is damaged.
    """
    # What lies in memory gives no more than there is.
    bounded = file if isinstance(file, io.BytesIO) else _Bounded(file)
    instructions = pickletools.genops(cast(BinaryIO, bounded))
    try:
      for count, (opcode, argument, position) in enumerate(instructions):
        if count > most:
          return False
        self.position = position or 0
        self._run(opcode.name, argument)
    except _DAMAGE as error:
      raise ValueError(f'its pickle is damaged: {error}') from error
    return True

  @abc.abstractmethod
  def look_up(self, name: Name) -> Any:
    """Returns what to push for a name."""

  @abc.abstractmethod
  def call(self, name: Any, arguments: Any) -> Any:
    """Returns what to push for a call, which is not made."""

  @abc.abstractmethod
  def set_state(self, value: Any, state: Any) -> None:
    """Gives a value that the file built its state."""

  @abc.abstractmethod
  def other(self, opcode: str, argument: Any) -> None:
    """Runs an instruction that is of no use for an array alone."""

  def pop(self, count: int) -> list[Any]:
    """Takes so many values off the stack; -1: all since the last mark."""
    start = self._marks.pop() if count < 0 else len(self.stack) - count
    if not 0 <= start <= len(self.stack):
      raise ValueError('values are missing')
    values = self.stack[start:]
    del self.stack[start:]
    return values

  def _run(self, opcode: str, argument: Any) -> None:
    # The most frequent first: training reads thousands of pickles a second.
    stack = self.stack
    if opcode in _PUT:
      key = len(self._memo) if opcode == 'MEMOIZE' else argument
      self._memo[key] = stack[-1]
    elif opcode in _PUSHED:
      stack.append(argument)
    elif opcode in _CONSTANTS:
      stack.append(_CONSTANTS[opcode])
    elif opcode in _TUPLES:
      stack.append(tuple(self.pop(_TUPLES[opcode])))
    elif opcode == 'MARK':
      self._marks.append(len(stack))
    elif opcode in _GET:
      stack.append(self._memo[argument])
    elif opcode == 'GLOBAL':
      stack.append(self.look_up(Name(argument)))
    elif opcode == 'STACK_GLOBAL':
      # As text, tuples of tuples could fill the memory.
      parts = [part for part in self.pop(2) if isinstance(part, str)]
      stack.append(self.look_up(Name(' '.join(parts))))
    elif opcode == 'REDUCE':
      stack.append(self.call(*self.pop(2)))
    elif opcode == 'BUILD':
      (state,) = self.pop(1)
      self.set_state(stack[-1], state)
    elif opcode not in _IGNORED:
      self.other(opcode, argument)


class _Bounded:
  """A file that reads no more than there is.

  Python takes memory for all that is asked for, and a pickle of ten bytes asks
  for gigabytes.
  """

  # Without `tell`, which genops can do without and which costs as much as a
  # read.
  def __init__(self, file: BinaryIO):
    self._read, self._file = file.read, file

  def read(self, count: int) -> bytes:
    if count > _LITTLE:
      start = self._file.tell()
      end = self._file.seek(0, os.SEEK_END)
      self._file.seek(start)
      count = min(count, end - start)
    return self._read(count)

  def readline(self) -> bytes:
    return self._file.readline(_LONGEST_LINE)
