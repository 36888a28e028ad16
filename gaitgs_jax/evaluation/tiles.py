"""Embeddings that need not fit in memory: shards, chosen rows, tiles."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from gaitgs_jax.errors import UserError

# A tile's embeddings, in bytes. Probes stay for a whole pass over the gallery,
# so larger probe tiles mean fewer passes. A tile is held up to three times
# while it is read, which keeps the peak near a gigabyte.
PROBE_BYTES = 2**28
GALLERY_BYTES = 2**26
# Short embeddings would make the distances of two tiles larger than the tiles.
LARGEST_ROWS = 2**13


class Embeddings(Protocol):
  """Embeddings [m,p,d] of which any rows can be read.

  An array, a memory-mapped one, or an object that makes or fetches what is
  asked for: a slice of rows, or an int array of ascending ones.
  """

  @property
  def shape(self) -> tuple[int, ...]:
    """The sizes m, p and d."""

  def __getitem__(self, rows: Any, /) -> Any:
    """Returns those rows, which nobody may change afterwards."""


class Shards:
  """Embeddings in several pieces, one after the other.

  Args:
    pieces: at least one; each has its own number of rows.

  Raises:
    UserError: there is none, or they differ in parts or features.
  """

  def __init__(self, pieces: Sequence[Embeddings]):
    kinds = {tuple(piece.shape[1:]) for piece in pieces}
    if len(kinds) != 1:
      raise UserError(
        'the shards of a gallery must be embeddings [m,p,d] of the same p and '
        f'd, at least one; got [p,d] of {sorted(kinds) or "no shard"}'
      )
    self._pieces = pieces
    self._ends = np.cumsum([piece.shape[0] for piece in pieces])
    self.shape = (int(self._ends[-1]), *kinds.pop())

  def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
    if isinstance(rows, slice):
      begin, end, _ = rows.indices(self.shape[0])
      read = [
        piece[max(0, begin - first) : end - first]
        for first, piece in self._holding(begin, end)
      ]
    else:
      read = [
        piece[rows[(first <= rows) & (rows < first + len_)] - first]
        for first, piece in self._holding(rows[0], rows[-1] + 1)
        if (len_ := piece.shape[0])
      ]
    return read[0] if len(read) == 1 else np.concatenate(read)

  def _holding(self, begin: int, end: int) -> Iterator[tuple[int, Embeddings]]:
    """Yields the pieces that hold rows begin..end, each with its first row."""
    start = int(np.searchsorted(self._ends, begin, side='right'))
    for number in range(start, len(self._pieces)):
      piece = self._pieces[number]
      first = int(self._ends[number]) - piece.shape[0]
      if first >= end:
        return
      yield first, piece


class Subset:
  """Some rows of embeddings, which are read when they are asked for.

  Args:
    embeddings: [m,p,d].
    rows: int [n].
  """

  def __init__(self, embeddings: Embeddings, rows: np.ndarray):
    self._embeddings, self._rows = embeddings, rows
    self.shape = (len(rows), *embeddings.shape[1:])

  def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
    return self._embeddings[self._rows[rows]]


def joined(gallery: Embeddings | Sequence[Embeddings]) -> Embeddings:
  """Returns a gallery, which may be given as shards, as one."""
  return gallery if hasattr(gallery, 'shape') else Shards(gallery)


def rows_per_tile(embeddings: Embeddings, rows: int, tile_bytes: int) -> int:
  """Returns how many of `rows` embeddings one tile takes, at least one."""
  _, parts, features = embeddings.shape
  fitting = max(1, min(LARGEST_ROWS, tile_bytes // (4 * parts * features)))
  return max(1, math.ceil(rows / math.ceil(rows / fitting))) if rows else 1


def read(
  embeddings: Embeddings, size: int
) -> Iterator[tuple[int, int, np.ndarray]]:
  """Yields (first row, number of rows, their embeddings [size,p,d]).

  Only a tile's rows are read. The last tile is filled up with zeros: one
  shape, one compilation. Half precision is left as it is where a device can
  convert it; anything else becomes float32.
  """
  kept = [jnp.bfloat16, np.float32]
  # XLA cannot convert float16 on a CPU without F16C; NumPy is as fast there.
  kept += [] if jax.default_backend() == 'cpu' else [np.float16]
  for start in range(0, embeddings.shape[0], size):
    tile = np.asarray(embeddings[start : start + size])
    if tile.dtype not in kept:
      tile = tile.astype(np.float32)
    count = len(tile)
    if count < size:
      filler = np.zeros((size - count, *tile.shape[1:]), tile.dtype)
      tile = np.concatenate([tile, filler])
    yield start, count, tile
