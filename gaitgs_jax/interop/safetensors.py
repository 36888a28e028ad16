"""`.safetensors` files: a header of JSON, then the numbers.

https://github.com/huggingface/safetensors; little-endian, nothing can run.
"""

import json
import math
from collections.abc import Mapping
from typing import Any, BinaryIO

import jax.numpy as jnp
import numpy as np

from gaitgs_jax import files

SUFFIX = '.safetensors'
_DTYPES = {
  'F64': np.float64,
  'F32': np.float32,
  'F16': np.float16,
  'BF16': jnp.bfloat16,
  'I64': np.int64,
  'I32': np.int32,
  'I16': np.int16,
  'I8': np.int8,
  'U8': np.uint8,
  'BOOL': np.bool_,
}
# The format's own limit.
_LARGEST_HEADER = 100_000_000
# Bytes before the header, which hold its size.
_SIZE = 8


def is_one(start: bytes) -> bool:
  """Returns whether a file that starts so may be one."""
  return start[_SIZE : _SIZE + 1] == b'{'


def read(file: BinaryIO, size: int) -> dict[str, np.ndarray]:
  """Reads a file from its start.

  Args:
    file: open for reading.
    size: of the file, in bytes.

  Returns:
    Name -> array; floats are float32.

  Raises:
    ValueError: it is damaged, or cut short.
  """
  file.seek(0)
  length = int.from_bytes(file.read(_SIZE), 'little')
  if length > min(size, _LARGEST_HEADER):
    raise ValueError('its header is cut short')
  header = files.parse_json(file.read(length))
  if not isinstance(header, dict):
    raise ValueError('its header is not a JSON object')
  header.pop('__metadata__', None)
  places = {key: _entry(key, each) for key, each in header.items()}
  # Several names for the same bytes could be of any size in memory.
  used = sum(end - start for _, _, start, end in places.values())
  last = max((end for _, _, _, end in places.values()), default=0)
  if max(used, last) > size - _SIZE - length:
    raise ValueError('its arrays are cut short, or overlap')
  found = {}
  for key, (dtype, shape, start, end) in places.items():
    file.seek(_SIZE + length + start)
    values = np.frombuffer(file.read(end - start), dtype).reshape(shape)
    is_float = dtype.kind not in 'iub'  # bfloat16 is of no kind of numpy's own.
    with np.errstate(over='ignore'):
      found[key] = values.astype(np.float32, copy=False) if is_float else values
  return found


def _entry(
  key: str, described: Any
) -> tuple[np.dtype, tuple[int, ...], int, int]:
  """Returns an array's dtype, shape, and first and last byte."""
  if not isinstance(described, Mapping):
    raise ValueError(f'{key[:80]!r} is not described')
  kind, shape = described.get('dtype'), described.get('shape')
  if not isinstance(kind, str) or kind not in _DTYPES:
    raise ValueError(f'{key[:80]!r} has the unknown dtype {str(kind)[:80]!r}')
  dtype = np.dtype(_DTYPES[kind])
  match shape, described.get('data_offsets'):
    case list(), [int(start), int(end)] if all(
      type(side) is int and side >= 0 for side in (*shape, start, end)
    ):
      if end - start == math.prod(shape) * dtype.itemsize:
        return dtype, tuple(shape), start, end
  raise ValueError(f'{key[:80]!r} has a shape that does not fit its bytes')


def packed(arrays: Mapping[str, np.ndarray]) -> bytes:
  """Returns arrays as the bytes of a file, in the order of their names."""
  header: dict[str, Any] = {'__metadata__': {'format': 'pt'}}
  names = {np.dtype(dtype): name for name, dtype in _DTYPES.items()}
  data: list[bytes] = []
  place = 0
  for key, array in sorted(arrays.items()):
    header[key] = {
      'dtype': names[array.dtype],
      'shape': array.shape,
      'data_offsets': [place, place + array.nbytes],
    }
    data.append(array.tobytes())
    place += array.nbytes
  text = json.dumps(header).encode()
  # Arrays start at a multiple of eight, as the format asks for.
  text += b' ' * (-len(text) % _SIZE)
  return b''.join([len(text).to_bytes(_SIZE, 'little'), text, *data])
