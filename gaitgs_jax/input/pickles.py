"""Reads a pickled array from a file that is not trusted.

Only the few instructions that numpy's own pickles are made of are followed, see
`pickle_machine`, and they can build nothing but one numeric array, or a list of
the frames of one. Everything else is refused by name.
"""

import contextlib
import functools
import io
import math
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from gaitgs_jax import files
from gaitgs_jax.errors import UserError, printable
from gaitgs_jax.modalities import Modality
from gaitgs_jax.pickle_machine import Machine, Name

# What numpy's pickles name, under numpy 1 and 2, and Python 2 and 3.
_NAMES = {
  f'{module} {name}': name
  for name, modules in {
    '_reconstruct': (
      'numpy.core.multiarray',
      'numpy._core.multiarray',
    ),
    '_frombuffer': ('numpy.core.numeric', 'numpy._core.numeric'),
    'ndarray': ('numpy',),
    'dtype': ('numpy',),
    'encode': ('_codecs',),
    'bytes': ('builtins', '__builtin__'),
  }.items()
  for module in modules
}
# A pickle of numpy's has about fifty instructions, and thirty for each frame of
# a list: enough for thousands of frames.
_MAX_INSTRUCTIONS = 1 << 17
# 32,768 frames of 128 x 128: no sequence is larger. A sparse file of this size
# takes no space on a disk, but all of it in memory.
_MAX_BYTES = 1 << 29
# Of rgb there are four, [s,h,w,c].
_MOST_AXES = 8
# How much larger a list of frames may become where all are as long as the
# longest.
_MOST_PADDING = 64
# More than the instructions of one array take without its numbers.
_HEAD_BYTES = 512
# That the numbers are in C's order, and how many bytes of them follow.
_BEFORE = re.compile(rb'\x89(?:B(.{4})|\x8e(.{8}))', re.DOTALL)
# What makes the array of them and ends the pickle; a memo may be kept of each.
_MEMO = rb'(?:q.|r.{4}|\x94)?'
_AFTER = re.compile(rb'(?:\x95.{8})?%bt%bb\.' % (_MEMO, _MEMO), re.DOTALL)


class PickleError(UserError):
  """A file is not one pickled numeric array.

  Attributes:
    path: the file.
    reason: what is wrong with it, without the path.
  """

  def __init__(self, path: str | os.PathLike, reason: str):
    super().__init__(f'{path}: {reason}')
    self.path = Path(path)
    self.reason = printable(reason)

  def __reduce__(self) -> tuple[type, tuple[Path, str]]:
    # Helper processes send it home; an exception keeps its message alone.
    return type(self), (self.path, self.reason)


def load_array(path: str | os.PathLike) -> np.ndarray:
  """Reads one numeric array of any shape from a pickle file, read-only.

  A list of floats [k,c], as released point clouds are, is an array [s,k,c] with
  the largest k; frames with fewer rows are filled up with NaN.

  Raises:
    PickleError: the file cannot be read, is not a pickle, is cut short, or
      holds anything but one array of booleans, integers or floats, or such a
      list.
  """
  with _opened(path) as stored:
    return stored.read(None)


def load(
  path: str | os.PathLike,
  modality: Modality,
  frames: np.ndarray | None = None,
  shape: tuple[int, ...] | None = None,
) -> np.ndarray:
  """Reads the sequence [s,...] of one modality from a pickle file.

  Floats of any precision are read as the modality's. OpenGait writes channels
  before height and width; they are moved behind them.

  Args:
    path: the file.
    modality: of the sequence.
    frames: which to return, of a sequence that has them; by default all. Others
      are not read where the file's head says where they lie.
    shape: the sequence's, by default any.

  Raises:
    PickleError: as `load_array`, or the array is of another type or shape.
    IndexError: there are fewer frames.
  """
  wanted = modality.dtype
  with _opened(path) as stored:
    dtype, found = stored.dtype, stored_shape(stored.shape, modality)
    kind = dtype.kind == 'f' if wanted.kind == 'f' else dtype == wanted
    if not kind or not modality.fits(found[1:]):
      raise Refused(
        f'holds {dtype} {list(stored.shape)}, not'
        f' {"float" if wanted.kind == "f" else wanted} {modality.shape}'
      )
    if shape is not None and found != shape:
      raise Refused('has changed while it was in use')
    array = stored.read(frames)
  if found != stored.shape:
    array = np.moveaxis(array, 1, -1) if array.ndim == 4 else array[..., None]
  if array.dtype == wanted:
    return array
  # Too large a number becomes infinite, which the checks report.
  with np.errstate(over='ignore'):
    return array.astype(wanted)


def stored_shape(shape: tuple[int, ...], modality: Modality) -> tuple[int, ...]:
  """Returns the shape in which an array of a file is read.

  Args:
    shape: in the file, [s,h,w,c] or [s,c,h,w] of images with channels, of which
      there are fewer than columns; [s,h,w] of grey ones.
    modality: of the array.
  """
  if modality.axes[:2] != ('h', 'w') or len(modality.axes) < 3:
    return shape
  if len(shape) == 3:
    return (*shape, 1)
  if len(shape) == 4 and shape[1] < shape[3]:
    return (shape[0], *shape[2:], shape[1])
  return shape


def load_shape(path: str | os.PathLike) -> tuple[int, ...]:
  """Returns the shape of the array in a pickle file, mostly from its head.

  Raises:
    PickleError: as `load_array`, where the file had to be read whole.
  """
  with _opened(path) as stored:
    return stored.shape


@contextlib.contextmanager
def _opened(path: str | os.PathLike) -> Iterator['_Stored']:
  try:
    descriptor, status = files.open_descriptor(path, _MAX_BYTES)
    try:
      yield _in_place(descriptor, status) or _parsed(descriptor)
    finally:
      os.close(descriptor)
  except OSError as error:
    reason = error.strerror or str(error)
    raise PickleError(path, f'cannot be read ({reason})') from error
  except Refused as error:
    raise PickleError(path, str(error)) from error


class _Stored(NamedTuple):
  """The array of an open file; read(frames) gives all of it or some frames."""

  shape: tuple[int, ...]
  dtype: np.dtype
  read: Callable[[np.ndarray | None], np.ndarray]


def _parsed(descriptor: int) -> _Stored:
  with os.fdopen(descriptor, 'rb', closefd=False) as file:
    array = parse_array(file)
  return _Stored(array.shape, array.dtype, functools.partial(_taken, array))


def _taken(array: np.ndarray, frames: np.ndarray | None) -> np.ndarray:
  return array if frames is None else array[frames]


class _Place(NamedTuple):
  """Where in a file the numbers of its array lie, in C's order."""

  start: int
  shape: tuple[int, ...]
  dtype: np.dtype


# By device, inode, size and times of the files that were read.
_known: dict[tuple[int, ...], _Place] = {}
_MOST_KNOWN = 1 << 18
_TICK_NS = files.TICK_NS


def _in_place(descriptor: int, status: os.stat_result) -> _Stored | None:
  """Returns the array of an open file if it need not be parsed.

  Training comes back to the same files: their heads are parsed once.
  """
  facts = (
    *(status.st_dev, status.st_ino, status.st_size),
    *(status.st_mtime_ns, status.st_ctime_ns),
  )
  if not (place := _known.get(facts)):
    if not (place := _find(descriptor)):
      return None
    if time.time_ns() - max(facts[3:]) > _TICK_NS:
      if len(_known) >= _MOST_KNOWN:
        _known.clear()
      _known[facts] = place
  read = functools.partial(_read_part, descriptor, place)
  return _Stored(place.shape, place.dtype, read)


def _find(descriptor: int) -> _Place | None:
  """Returns the place of the array that the head of the file gives.

  Pickles of protocol 3 and later have the shape before the numbers, which lie
  there as in memory. None of others.
  """
  head = os.pread(descriptor, _HEAD_BYTES, 0)
  machine = _ArrayMachine()
  # The head ends within the numbers, where the shape lies on the stack.
  with contextlib.suppress(Refused, ValueError):
    machine.follow(io.BytesIO(head), _MAX_INSTRUCTIONS)
  match machine.stack:
    case [_Array(), 1, tuple(shape), _Dtype() as numbers, False] if all(
      type(length) is int and length >= 0 for length in shape
    ):
      dtype = numbers.dtype
    case _:
      return None
  size = math.prod(shape) * dtype.itemsize
  # What no file or array may have, the parser refuses by its reason.
  if size > _MAX_BYTES or len(shape) > _MOST_AXES:
    return None
  if not (before := _BEFORE.match(head, machine.position)):
    return None
  if int.from_bytes(before[1] or before[2], 'little') != size:
    return None
  start = before.end()
  if not _AFTER.fullmatch(os.pread(descriptor, _HEAD_BYTES, start + size)):
    return None
  return _Place(start, shape, dtype)


def _read_part(
  descriptor: int, place: _Place, frames: np.ndarray | None
) -> np.ndarray:
  """Reads an array that starts somewhere in an open file, or frames of it."""
  start, shape, dtype = place
  if frames is not None and len(frames):
    first, stop = int(frames.min()), int(frames.max()) + 1
    if not 0 <= first < stop <= shape[0]:
      raise IndexError(f'there are {shape[0]} frames, not {stop}')
    shape = (stop - first, *shape[1:])
    start += first * math.prod(shape[1:]) * dtype.itemsize
    frames = frames - first
    if np.array_equal(frames, np.arange(stop - first)):
      frames = None
  array = np.empty(shape, dtype)
  # Some file systems give less than was asked for.
  left = array.reshape(-1).view(np.uint8).data
  while len(left):
    count = os.preadv(descriptor, [left], start + array.nbytes - len(left))
    if not count:
      raise Refused('is damaged: it was cut while it was read')
    left = left[count:]
  array.flags.writeable = False
  return _taken(array, frames)


class Refused(Exception):
  """The pickle is damaged or wants more than to be an array."""


class _Dtype:
  """The dtype that a pickle describes: kind and size, then byte order."""

  def __init__(self, code: Any):
    if not isinstance(code, str) or not re.fullmatch(r'[biuf]\d{1,2}', code):
      # Tuples of tuples are not shown: as text they may fill the memory.
      shown = repr(code[:20]) if isinstance(code, str) else _describe(code)
      raise Refused(f'refused: it holds {shown} items, not plain numbers')
    self.dtype = np.dtype(code)

  def set_state(self, state: Any) -> None:
    order = state[1] if isinstance(state, tuple) and len(state) > 1 else None
    if order not in ('<', '>', '|', '='):
      raise Refused('is damaged: its dtype has no byte order')
    self.dtype = self.dtype.newbyteorder(order)


class _Array:
  """The array that a pickle describes; checked before it is made."""

  def __init__(self) -> None:
    self.array: np.ndarray | None = None

  def set_state(self, state: Any) -> None:
    if not isinstance(state, tuple) or len(state) != 5:
      raise Refused('is damaged: its array has no state')
    _, shape, dtype, fortran, data = state
    self.fill(data, dtype, shape, 'F' if fortran else 'C')

  def fill(self, data: Any, dtype: Any, shape: Any, order: Any) -> None:
    sizes_known = isinstance(shape, tuple) and all(
      type(size) is int and size >= 0 for size in shape
    )
    if not sizes_known or not isinstance(dtype, _Dtype) or order not in 'CF':
      raise Refused('is damaged: its array has no shape or no dtype')
    if isinstance(data, str):
      data = _latin1(data)
    size = len(data) if isinstance(data, bytes | bytearray) else -1
    # Compared before anything of that shape exists: a forged shape costs
    # nothing.
    if size != math.prod(shape) * dtype.dtype.itemsize:
      raise Refused(
        f'is damaged: {str(list(shape))[:80]} {dtype.dtype} does not match its'
        f' {size} bytes'
      )
    array = np.frombuffer(data, dtype.dtype).reshape(shape, order=order)
    array.flags.writeable = False
    self.array = array


def parse_array(file: BinaryIO) -> np.ndarray:
  """Follows a pickle's instructions to the one array it must hold."""
  machine = _ArrayMachine()
  try:
    is_whole = machine.follow(file, _MAX_INSTRUCTIONS)
  except ValueError as error:
    raise Refused('is damaged: not a whole pickle') from error
  if not is_whole:
    raise Refused('refused: it is more than one array')
  result = machine.stack[-1] if machine.stack else None
  if isinstance(result, list):
    return _joined(result)
  if not isinstance(result, _Array) or result.array is None:
    raise Refused(f'refused: it holds {_describe(result)}, not a numeric array')
  return result.array


def _joined(frames: list[Any]) -> np.ndarray:
  """Returns a list of frames [k,c] as one array [s,k,c], filled up with NaN."""
  arrays = [each.array for each in frames if isinstance(each, _Array)]
  found = [each for each in arrays if each is not None]
  if not found or len({id(each) for each in found}) < len(frames):
    raise Refused('refused: it holds a list that is not one of numeric arrays')
  for array in found:
    width = found[0].shape[-1:]
    if array.dtype.kind != 'f' or array.ndim != 2 or array.shape[1:] != width:
      shape = f'{array.dtype} {list(array.shape)}'
      raise Refused(
        f'refused: its list holds {shape}; frames of a list are float [k,c]'
      )
  longest = max(map(len, found))
  size = longest * found[0].shape[1] * len(found)
  if size > _MOST_PADDING * sum(array.size for array in found):
    raise Refused('refused: a frame of its list is far longer than the others')
  joined = np.full((len(found), longest, *width), np.nan, np.float32)
  with np.errstate(over='ignore'):
    for frame, array in zip(joined, found, strict=True):
      frame[: len(array)] = array
  joined.flags.writeable = False
  return joined


class _ArrayMachine(Machine):
  """A pickle machine whose only values are numbers, text and arrays."""

  def look_up(self, name: Name) -> Name:
    if name not in _NAMES:
      raise Refused(
        f'refused: it asks for {name.replace(" ", ".")[:80]}, and only numeric'
        ' numpy arrays are read'
      )
    return Name(_NAMES[name])

  def call(self, name: Any, arguments: Any) -> Any:
    """Does what numpy's function of that name would do, for arrays only."""
    if not isinstance(name, Name) or not isinstance(arguments, tuple):
      raise Refused(f'refused: it calls {_describe(name)}')
    if name == 'dtype' and arguments:
      return _Dtype(arguments[0])
    if name == '_reconstruct' and arguments[0] == Name('ndarray'):
      return _Array()
    if name == '_frombuffer' and len(arguments) == 4:
      array = _Array()
      array.fill(*arguments)
      return array
    if name == 'bytes' and not arguments:
      return b''
    if name == 'encode' and arguments[1:] == ('latin1',):
      return _latin1(arguments[0])
    raise Refused(f'refused: it calls {name} in a way that numpy does not')

  def set_state(self, value: Any, state: Any) -> None:
    if not isinstance(value, _Array | _Dtype):
      raise Refused(f'refused: it changes {_describe(value)}')
    value.set_state(state)

  def other(self, opcode: str, argument: Any) -> None:
    if opcode in ('EMPTY_LIST', 'LIST'):
      self.stack.append(self.pop(0 if opcode == 'EMPTY_LIST' else -1))
      return
    if opcode in ('APPEND', 'APPENDS'):
      added = self.pop(1 if opcode == 'APPEND' else -1)
      if self.stack and isinstance(self.stack[-1], list):
        self.stack[-1] += added
        return
    raise Refused(
      f'refused: its instruction {opcode} is not one of a numeric array'
    )


def _latin1(text: Any) -> bytes:
  if not isinstance(text, str):
    raise Refused('is damaged: its bytes are not text')
  return text.encode('latin1')


def _describe(value: Any) -> str:
  if isinstance(value, Name):
    return f'the name {value}'
  return f'a {type(value).__name__.strip("_").lower()}'
