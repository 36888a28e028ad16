"""What makes the sequences of a dataset; runs in helper processes.

Imports no TensorFlow.
"""

import dataclasses
import hashlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Protocol

import numpy as np

from gaitgs_jax import files, modalities
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import (
  heatmaps,
  keypoint_faults,
  keypoints,
  pairing,
  person_index,
)
from gaitgs_jax.input.pretreatment import Way, pretreat
from gaitgs_jax.input.tree_files import (
  PICKLE,
  PickleChoice,
  nothing_found,
  pickle_names,
  sequence_files,
)
from gaitgs_jax.input.tree_frames import read_pickle, read_pretreated
from gaitgs_jax.input.trees import TreeSequence
from gaitgs_jax.synthetic import (
  walk,
  walk_keypoints,
  wild_keypoints,
  wild_walk,
)

# Bytes read at a time.
_BLOCK = 1 << 20


class Call(Protocol):
  """Makes one sequence; a dataclass, as work files are named after its repr."""

  @property
  def source(self) -> str:
    """The file or folder that it reads, '' if none; for messages."""

  def digests(self) -> list[tuple[str, str]]:
    """Returns the names and SHA-256 digests of what it reads.

    Raises:
      OSError, UserError: it cannot be read.
    """

  def __call__(self) -> np.ndarray:
    """Returns uint8 [s,h,w] or [s,h,w,c], or float32 [s,v,3]."""


@dataclasses.dataclass(frozen=True)
class WalkPoseCall:
  """Makes the skeletons of one synthetic walk, float32 [s,17,3].

  The arguments are those of `gaitgs_jax.synthetic.walk`.
  """

  seed: int
  subject: int
  condition: str
  view: str
  frames: int | None
  source: ClassVar[str] = ''

  def digests(self) -> list[tuple[str, str]]:
    """Returns an empty list: it reads no file."""
    return []

  def __call__(self) -> np.ndarray:
    """Returns the keypoints."""
    return walk_keypoints(
      self.seed, self.subject, self.condition, self.view, frames=self.frames
    )


@dataclasses.dataclass(frozen=True)
class WalkCall(WalkPoseCall):
  """Makes one synthetic walk, pretreated, uint8 [s, size, size]."""

  size: int

  def __call__(self) -> np.ndarray:
    """Returns the frames."""
    raw = walk(
      self.seed, self.subject, self.condition, self.view, frames=self.frames
    )
    return pretreat(raw.silhouettes, self.size)


@dataclasses.dataclass(frozen=True)
class WildPoseCall(WalkPoseCall):
  """Makes the skeletons of one walk of `gaitgs_jax.synthetic.wild_walk`."""

  frames: int
  street: bool

  def __call__(self) -> np.ndarray:
    """Returns the keypoints."""
    return wild_keypoints(
      *(self.seed, self.subject, self.condition, self.view),
      frames=self.frames,
      street=self.street,
    )


@dataclasses.dataclass(frozen=True)
class WildCall(WildPoseCall):
  """Makes one walk of `gaitgs_jax.synthetic.wild_walk`, pretreated."""

  size: int

  def __call__(self) -> np.ndarray:
    """Returns the frames."""
    raw = wild_walk(
      *(self.seed, self.subject, self.condition, self.view),
      frames=self.frames,
      street=self.street,
    )
    return pretreat(raw.silhouettes, self.size)


@dataclasses.dataclass(frozen=True)
class TreeCall:
  """Reads one sequence of a tree, pretreated, uint8 [s, size, size].

  Attributes:
    folder: of the sequence.
    size: of its frames, in pixels.
    way: how raw images become frames.
    shortest: of fewer raw images there are no frames.
  """

  folder: str
  size: int
  way: Way = 'cut'
  shortest: int = 0

  @property
  def source(self) -> str:
    """The sequence's folder."""
    return self.folder

  def digests(self) -> list[tuple[str, str]]:
    """Returns those of the images, or of the pickle."""
    return _digests(sequence_files(self.folder))

  def __call__(self) -> np.ndarray:
    """Returns the frames.

    Raises:
      UserError: they cannot be read.
    """
    if self.shortest:
      paths = sequence_files(self.folder)
      if paths[0].suffix.lower() != PICKLE and len(paths) < self.shortest:
        return np.zeros((0, self.size, self.size), np.uint8)
    return read_pretreated(self.folder, self.size, way=self.way)


@dataclasses.dataclass(frozen=True)
class PickleCall:
  """Reads one sequence of a released pickle as it is, [s,...].

  Attributes:
    folder: of the sequence.
    modality: of `modalities.MODALITIES`.
    pattern: of the pickle's name; '' for what the name says.
  """

  folder: str
  modality: str
  pattern: str

  @property
  def source(self) -> str:
    """The sequence's folder."""
    return self.folder

  def _path(self) -> Path:
    choice = PickleChoice(self.modality, self.pattern)
    names = pickle_names(self.folder)
    if not names:
      raise nothing_found(self.folder, 'pickle')
    return Path(self.folder, choice.of(names))

  def digests(self) -> list[tuple[str, str]]:
    """Returns that of the pickle."""
    return _digests([self._path()])

  def __call__(self) -> np.ndarray:
    """Returns the frames.

    Raises:
      UserError: they cannot be read.
    """
    return read_pickle(self._path(), self.modality)


@dataclasses.dataclass(frozen=True)
class PoseCall:
  """Reads the published skeletons of one sequence, float32 [s,v,3].

  Attributes:
    sequence: of a tree or a csv file.
    skeleton: of which its joints are.
    people: the folder of `person_index`; '' takes the first person.
    released: the skeleton of which they are taken, see `keypoints.taken`.
  """

  sequence: TreeSequence
  skeleton: str
  people: str = ''
  released: str = ''

  @property
  def source(self) -> str:
    """The sequence's folder, or the csv file."""
    return self.sequence.folder

  @property
  def _index(self) -> Path:
    return person_index.path(self.people, self.sequence.name)

  def digests(self) -> list[tuple[str, str]]:
    """Returns those of the sequence's files, or of its rows in the csv file."""
    folder, spans = self.sequence.folder, self.sequence.spans
    if not spans:
      found = sequence_files(folder, 'keypoints')
      return _digests([*found, *([self._index] if self.people else [])])
    digest = hashlib.sha256()
    with files.open_regular(Path(folder)) as file:
      for start, end in spans:
        file.seek(start)
        read_into(digest, file, end - start)
    return [('', digest.hexdigest())]

  def __call__(self) -> np.ndarray:
    """Returns the keypoints.

    Raises:
      UserError: they cannot be read or stored.
    """
    notes: list[str] = []
    people = person_index.read(self._index) if self.people else None
    values = keypoints.read(self.sequence, notes, people)
    # In OUMVLP-Pose's json several people are common and as published.
    for note in notes if self.sequence.spans else ():
      print(f'note: {self.sequence.place}: {note}', file=sys.stderr, flush=True)
    values = keypoints.taken(values, self.skeleton, self.released)
    fault = keypoint_faults.unusable(values, self.skeleton)
    if fault:
      raise UserError(f'{self.sequence.place}: {fault}')
    return values


@dataclasses.dataclass(frozen=True)
class HeatmapCall(PoseCall):
  """Reads the published skeletons and draws them, uint8 [s,64,64,2]."""

  def __call__(self) -> np.ndarray:
    """Returns the heat maps.

    Raises:
      UserError: the skeletons cannot be read.
    """
    return heatmaps.of_keypoints(super().__call__(), self.skeleton)


@dataclasses.dataclass(frozen=True)
class Job:
  """One sequence to be made.

  Attributes:
    subject: its name.
    condition: its name.
    view: its name.
    calls: modality -> what makes it.
  """

  subject: str
  condition: str
  view: str
  calls: Mapping[str, Call]

  @property
  def name(self) -> str:
    """'subject/condition/view'."""
    return f'{self.subject}/{self.condition}/{self.view}'

  def length(self, arrays: modalities.Arrays) -> int:
    """Returns how many frames there are.

    Raises:
      UserError: of one modality more than of another.
    """
    lengths = {name: len(array) for name, array in arrays.items()}
    pairing.check(lengths, self.name)
    return next(iter(lengths.values()))

  def example(self, arrays: modalities.Arrays) -> dict[str, Any]:
    """Returns the record of what was made, for `prepared.features`."""
    return {
      **arrays,
      'subject': self.subject,
      'condition': self.condition,
      'view': self.view,
    }


def _digests(paths: Sequence[Path]) -> list[tuple[str, str]]:
  found = []
  for path in paths:
    digest = hashlib.sha256()
    with files.open_regular(path) as file:
      read_into(digest, file, os.fstat(file.fileno()).st_size)
    found.append((path.name, digest.hexdigest()))
  return found


def read_into(digest: Any, file: BinaryIO, count: int) -> None:
  """Reads up to `count` bytes of a file into a digest of `hashlib`."""
  while count > 0 and (block := file.read(min(count, _BLOCK))):
    digest.update(block)
    count -= len(block)
