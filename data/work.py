"""What helper processes do for the builders; imports no TensorFlow."""

import contextlib
import dataclasses
import errno
import fcntl
import hashlib
import os
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from gaitgs_jax.errors import UserError
from gaitgs_jax.input import keypoint_faults, keypoints
from gaitgs_jax.input.pretreatment import pretreat
from gaitgs_jax.input.trees import TreeSequence, read_pretreated
from gaitgs_jax.synthetic import walk, walk_keypoints


# Calls are dataclasses, as their repr is what a work file is named after.
@dataclasses.dataclass(frozen=True)
class WalkCall:
  """Makes one synthetic walk, pretreated, uint8 [s, size, size].

  The arguments are those of `gaitgs_jax.synthetic.walk`.
  """

  seed: int
  subject: int
  condition: str
  view: str
  frames: int | None
  size: int

  def __call__(self) -> np.ndarray:
    """Returns the frames."""
    raw = walk(
      self.seed, self.subject, self.condition, self.view, frames=self.frames
    )
    return pretreat(raw.silhouettes, self.size)


@dataclasses.dataclass(frozen=True)
class WalkPoseCall:
  """Makes the skeletons of one synthetic walk, float32 [s,17,3]."""

  seed: int
  subject: int
  condition: str
  view: str
  frames: int | None

  def __call__(self) -> np.ndarray:
    """Returns the keypoints."""
    return walk_keypoints(
      self.seed, self.subject, self.condition, self.view, frames=self.frames
    )


@dataclasses.dataclass(frozen=True)
class TreeCall:
  """Reads one sequence of a tree, pretreated, uint8 [s, size, size]."""

  folder: str
  size: int

  def __call__(self) -> np.ndarray:
    """Returns the frames.

    Raises:
      UserError: they cannot be read.
    """
    return read_pretreated(self.folder, self.size)


@dataclasses.dataclass(frozen=True)
class PoseCall:
  """Reads the published skeletons of one sequence, float32 [s,v,3]."""

  sequence: TreeSequence
  skeleton: str

  def __call__(self) -> np.ndarray:
    """Returns the keypoints.

    Raises:
      UserError: they cannot be read or stored.
    """
    notes: list[str] = []
    values = keypoints.read(self.sequence, notes)
    # In OUMVLP-Pose's json several people are common and as published.
    for note in notes if self.sequence.spans else ():
      print(f'note: {self.sequence.place}: {note}', file=sys.stderr, flush=True)
    fault = keypoint_faults.unusable(values, self.skeleton)
    if fault:
      raise UserError(f'{self.sequence.place}: {fault}')
    return values


@contextlib.contextmanager
def exclusive(folder: Path) -> Iterator[None]:
  """Makes a work folder and keeps other processes out of it.

  Raises:
    UserError: another process is using it, or it cannot be made.
  """
  try:
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder.joinpath('lock').open('w')
  except OSError as error:
    raise UserError(f'{folder}: cannot be made ({error.strerror})') from error
  with lock:
    try:
      fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
      raise UserError(
        f'{folder}: another process is preparing this dataset; wait for it'
      ) from error
    yield


@dataclasses.dataclass(frozen=True)
class Chunk:
  """A few sequences that go into one file of a work folder.

  The file is there whole or not at all, and a chunk that has its file is done:
  so an interrupted preparation goes on where it stopped.

  Attributes:
    folder: the work folder.
    calls: make one sequence each, uint8 [s,h,w] or float32 [s,v,3].
  """

  folder: str
  calls: tuple[Callable[[], np.ndarray], ...]

  @property
  def path(self) -> Path:
    """The chunk's file, named after what its calls would do."""
    digest = hashlib.sha256(repr(self.calls).encode()).hexdigest()
    return Path(self.folder, f'{digest[:32]}.npz')

  def __call__(self) -> None:
    """Makes the file where it is missing.

    Raises:
      UserError: a sequence cannot be read, or the disk is full.
    """
    path = self.path
    if path.exists():
      return
    arrays = [call() for call in self.calls]
    partial = path.with_suffix(f'.partial{os.getpid()}')
    try:
      with partial.open('wb') as file:
        np.savez_compressed(file, *arrays)
      partial.replace(path)
    except OSError as error:
      partial.unlink(missing_ok=True)
      if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        raise
      raise UserError(
        f'{self.folder}: the disk is full; make room and run the same command'
        ' again, it goes on from here'
      ) from error

  def load(self) -> list[np.ndarray]:
    """Returns each sequence from the chunk's file.

    Raises:
      UserError: the file is damaged; it is deleted.
    """
    try:
      with self.path.open('rb') as file, np.load(file) as arrays:
        return [arrays[name] for name in arrays.files]
    except (OSError, ValueError, zipfile.BadZipFile) as error:
      self.path.unlink(missing_ok=True)
      raise UserError(
        f'{self.path}: was damaged and is deleted; run the same command again'
      ) from error
