"""Several modalities of the same sequences as one source."""

import concurrent.futures
import dataclasses
from collections.abc import Mapping

import numpy as np

from gaitgs_jax.errors import UserError
from gaitgs_jax.input import pairing
from gaitgs_jax.input.sources import THREADS, OpenGaitSource
from gaitgs_jax.input.unreadable import Unreadable
from gaitgs_jax.modalities import Arrays


class PairedSource:
  """Several modalities of the same sequences, paired frame by frame.

  Frames are paired by their names where all modalities have them, otherwise by
  their number.

  Args:
    parts: the source of each modality.
    how: one of `pairing.CHOICES`.
    unreadable: takes note of sequences that cannot be paired, which are then no
      part of the source (default: they end the opening).

  Raises:
    UserError: sequences or frames are not in all modalities and `how` is
      'exact', or no sequence is.
  """

  def __init__(
    self,
    parts: Mapping[str, OpenGaitSource],
    how: str = 'exact',
    unreadable: Unreadable | None = None,
  ):
    self._parts = dict(parts)
    self.modalities = {
      name: part.modalities[name] for name, part in parts.items()
    }
    rows = {
      name: {part.index.name(row): row for row in range(len(part.index))}
      for name, part in parts.items()
    }
    names = pairing.common_sequences(rows, how)
    found = []
    with concurrent.futures.ThreadPoolExecutor(THREADS) as threads:
      for name, pair in zip(
        names,
        threads.map(lambda n: self._pair(rows, n, how), names),
        strict=True,
      ):
        if not isinstance(pair, UserError):
          found.append((name, pair))
        elif unreadable is None:
          raise pair
        else:
          unreadable.note(pair)
    if not found:
      raise UserError('no sequence has frames of all modalities in common')
    self._rows = {
      part: [rows[part][name] for name, _ in found] for part in parts
    }
    self._places = [places for _, (_, places) in found]
    first, part = next(iter(parts.items()))
    index = part.index.take(np.asarray(self._rows[first]))
    lengths = np.asarray([length for _, (length, _) in found], np.int32)
    self.index = dataclasses.replace(index, length=lengths)

  def _pair(
    self, rows: Mapping[str, Mapping[str, int]], name: str, how: str
  ) -> tuple[int, dict[str, np.ndarray]] | UserError:
    """Returns what `pairing.pair` does of one sequence, or its error."""
    lengths: dict[str, int] = {}
    known: dict[str, list[str]] = {}
    try:
      for modality, part in self._parts.items():
        row = rows[modality][name]
        lengths[modality] = int(part.index.length[row])
        frames = part.frame_names(row)
        if frames is not None:
          known[modality] = frames
      return pairing.pair(lengths, known, how, name)
    except UserError as error:
      return error

  def read(self, sequence: int, frames: np.ndarray | None = None) -> Arrays:
    """Returns frames [k,...] by modality; see `Source`."""
    found: Arrays = {}
    for name, part in self._parts.items():
      places = self._places[sequence].get(name)
      wanted = frames
      if places is not None:
        wanted = places if frames is None else places[frames]
      found |= part.read(self._rows[name][sequence], wanted)
    return found
