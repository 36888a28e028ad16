"""Embeds walks with a file of `gaitgs export`, without the rest of the package.

This module needs jax, numpy, and flatbuffers, with which jax reads programs. It
may be copied out of the package.

  model = exported.load('model.gait')
  embedding = model.embed(silhouettes)  # uint8 [s,64,64] of 0 and 255
"""

import json
import math
import os
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.export
import numpy as np

FORMAT, VERSION = 'gaitgs_jax export', 1
# The files in the archive, none of them compressed.
FACTS, PROGRAM, WEIGHTS = 'facts.json', 'program.bin', 'weights.bin'

# A walk: frames of the one modality that the model sees, or of each by name.
Walk = np.ndarray | Mapping[str, np.ndarray]
Arrays = dict[str, np.ndarray]


class Exported:
  """A trained model that embeds walks.

  Attributes:
    facts: on the model: its `fingerprint`, the `metric` of its embeddings, what
      it takes (`inputs`), and more; see docs/export.md.
  """

  def __init__(
    self,
    facts: dict[str, Any],
    program: jax.export.Exported,
    weights: Sequence[np.ndarray],
  ):
    self.facts = facts
    self._program = jax.jit(program.call)
    self._weights = jax.device_put(list(weights))

  def embed(self, walks: Walk | Sequence[Walk], *, rows: int = 1) -> np.ndarray:
    """Returns the embedding of a walk [p,d], or of a list of walks [n,p,d].

    Args:
      walks: frames of one person each, such as uint8 [s,h,w], as
        `facts['inputs']` says; narrower ones are padded with zeros. Of a model
        that sees several modalities a dict of them. Or a list of such walks, of
        any lengths.
      rows: walks of about one length that are computed at once. On a GPU or
        TPU more of them are faster.

    Raises:
      ValueError: a walk does not fit the model, or there is none.
    """
    if isinstance(walks, np.ndarray | Mapping):
      return self.embed([walks])[0]
    given = [self._fitted(walk, f'walk {i}') for i, walk in enumerate(walks)]
    if not given:
      raise ValueError('there are no walks to embed')
    step = self.facts['frames_step']
    counts = np.array([len(next(iter(walk.values()))) for walk in given])
    # Each length compiles once.
    lengths = -(-counts // step) * step
    found: list[Any] = [None] * len(given)
    for length in np.unique(lengths).tolist():
      alike = np.flatnonzero(lengths == length)
      size = min(rows, len(alike))
      for start in range(0, len(alike), size):
        # The last ones are filled up by repeating them.
        some = np.resize(alike[start : start + size], size)
        mask = np.arange(length) < counts[some][:, None]
        batch = _padded([given[i] for i in some], length)
        vectors = np.asarray(self._program(self._weights, batch, mask))
        for row, vector in zip(some, vectors, strict=True):
          found[row] = vector
    return np.stack(found)

  def _fitted(self, walk: Walk, name: str) -> Arrays:
    wanted = self.facts['inputs']
    if not isinstance(walk, Mapping):
      if len(wanted) > 1:
        raise ValueError(
          f'{name}: the model sees {" and ".join(wanted)}; pass a dict of them'
        )
      walk = dict.fromkeys(wanted, walk)
    if set(walk) != set(wanted):
      raise ValueError(
        f'{name}: has {" and ".join(walk) or "nothing"}, but the model sees'
        f' {" and ".join(wanted)}'
      )
    most = self.facts['frames_max'] or None
    found = {
      key: _of_shape(np.asarray(walk[key])[:most], each, f'{name}: {key}')
      for key, each in wanted.items()
    }
    counts = {len(array) for array in found.values()}
    if len(counts) > 1:
      raise ValueError(f'{name}: has {sorted(counts)} frames of its modalities')
    longest = self.facts['frames_longest']
    if not 0 < max(counts) <= longest:
      raise ValueError(
        f'{name}: has {max(counts)} frames; 1 to {longest} can be embedded'
      )
    return found


def _of_shape(
  array: np.ndarray, wanted: Mapping[str, Any], name: str
) -> np.ndarray:
  """Returns frames of the shape that the program takes.

  Raises:
    ValueError: they cannot be.
  """
  dtype, shape = np.dtype(wanted['dtype']), tuple(wanted['shape'])
  if array.dtype.kind == dtype.kind == 'f':
    array = array.astype(dtype)
  spare = [0] * len(shape)
  if wanted['width'] is not None and array.ndim == 1 + len(shape):
    axis = wanted['width']
    spare[axis] = max(shape[axis] - array.shape[1 + axis], 0)
  pads = [(0, 0), *((each // 2, each - each // 2) for each in spare)]
  fits = array.dtype == dtype and array.ndim == len(pads)
  if not fits or (padded := np.pad(array, pads)).shape[1:] != shape:
    raise ValueError(
      f'{name} are {dtype} [s,{",".join(map(str, shape))}], not {array.dtype}'
      f' {list(array.shape)}'
    )
  return padded


def _padded(walks: Sequence[Arrays], length: int) -> Arrays:
  """Returns arrays [n,length,...] of walks, zero where these are shorter."""
  return {
    key: np.stack(
      [
        np.pad(x, [(0, length - len(x))] + [(0, 0)] * (x.ndim - 1))
        for x in (walk[key] for walk in walks)
      ]
    )
    for key in walks[0]
  }


def load(path: str | os.PathLike) -> Exported:
  """Opens a file of `gaitgs export`.

  Raises:
    OSError: there is none, or it cannot be read.
    ValueError: it is damaged, another file, or of a later version.
  """
  try:
    with zipfile.ZipFile(path) as archive:
      facts = json.loads(_read(archive, FACTS))
      if facts['format'] != FORMAT:
        raise ValueError(f'its format is {str(facts["format"])[:80]!r}')
      version = int(facts['version'])
      program = bytearray(_read(archive, PROGRAM))
      weights = _arrays(_read(archive, WEIGHTS), facts['weights'])
  # A RuntimeError is zipfile's where an entry is encrypted.
  except (
    zipfile.BadZipFile,
    EOFError,
    LookupError,
    OverflowError,
    RuntimeError,
    TypeError,
    ValueError,
  ) as error:
    raise ValueError(
      f'{path}: is not a file of `gaitgs export`, or is damaged ({error})'
    ) from error
  if version != VERSION:
    raise ValueError(
      f'{path}: is of version {version}, but this loader reads version'
      f' {VERSION}; take exported.py of the package that wrote it'
    )
  return Exported(facts, _program(path, program, facts), weights)


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
  """Returns one file of an archive; its checksum is compared."""
  entry = archive.getinfo(name)
  if entry.compress_type != zipfile.ZIP_STORED:
    raise ValueError(f'{name} is compressed')
  return archive.read(entry)


def _arrays(data: bytes, described: Any) -> list[np.ndarray]:
  """Returns the arrays that lie one behind the other in `data`."""
  found, place = [], 0
  for _, dtype, shape in described:
    if min(shape, default=0) < 0:
      raise ValueError(f'its facts give a weight the shape {shape}')
    array = np.frombuffer(data, np.dtype(dtype), math.prod(shape), place)
    found.append(array.reshape(shape))
    place += array.nbytes
  if place != len(data):
    raise ValueError('its weights are not as long as its facts say')
  return found


def _program(
  path: str | os.PathLike, program: bytearray, facts: Mapping[str, Any]
) -> jax.export.Exported:
  try:
    return jax.export.deserialize(program)
  except ImportError as error:
    raise ImportError(f'{error}: pip install flatbuffers') from error
  except Exception as error:  # What is raised is not documented.
    raise ValueError(
      f'{path}: jax {jax.__version__} cannot read its program, which jax'
      f' {facts.get("jax")} wrote: {error}'
    ) from error
