"""Reads arrays from a .npz file that may be damaged or hostile.

`numpy.load` takes memory for whatever an array's header says, and a zip of a
few kB can say and hold gigabytes.
"""

import math
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gaitgs_jax import cloud, files

# As numpy writes it. Numpy's own reader would evaluate it as Python does.
_HEADER = re.compile(
  rb"\x93NUMPY(?:\x01\x00..|[\x02\x03]\x00....){'descr': "
  rb"'(?P<dtype>[<>|][biufU]\d{1,9})', 'fortran_order': "
  rb"(?P<fortran>True|False), 'shape': \((?P<shape>[\d, ]*)\), } *\n",
  re.DOTALL,
)
# It has 128 bytes as a rule.
_HEADER_BYTES = 4096
# What numpy writes.
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def read(path: Path, limit: int) -> Iterator[tuple[str, np.ndarray]]:
  """Yields the arrays of an .npz file by name, in their order in the file.

  Args:
    path: the file.
    limit: bytes that the file may have, and all its arrays together.

  Raises:
    OSError: the file cannot be read, is not a regular one, or is too large.
    ValueError: it is damaged, or not what numpy writes for numbers and texts.
  """
  opened = (
    path.open('rb') if cloud.is_url(path) else files.open_regular(path, limit)
  )
  with opened as file:
    try:
      with zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
          name, array = _read_entry(archive, entry, limit)
          limit -= array.nbytes
          yield name, array
    # A RuntimeError is zipfile's where an entry is encrypted.
    except (
      zipfile.BadZipFile,
      zlib.error,
      EOFError,
      LookupError,
      OverflowError,
      RuntimeError,
      TypeError,
    ) as error:
      raise ValueError(str(error) or type(error).__name__) from error


def _read_entry(
  archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limit: int
) -> tuple[str, np.ndarray]:
  name = entry.filename.removesuffix('.npy')
  if entry.compress_type not in _COMPRESSIONS:
    raise ValueError(f'{name[:80]!r} is compressed in another way')
  with archive.open(entry) as content:
    start = content.read(_HEADER_BYTES)
    header = _HEADER.match(start)
    if not header:
      raise ValueError(f'{name[:80]!r} is not an array of numbers or texts')
    dtype = np.dtype(header['dtype'].decode())
    shape = [*map(int, re.findall(rb'\d+', header['shape']))]
    size = math.prod(shape) * dtype.itemsize
    if header.end() + size != entry.file_size or size > limit:
      raise ValueError(f'{name[:80]!r} is not as long as its header says')
    # Read to its end, where the checksum is compared.
    values = start[header.end() :] + content.read()
  order: Any = 'F' if header['fortran'] == b'True' else 'C'
  return name, np.frombuffer(values, dtype).reshape(shape, order=order)
