"""What helper processes do for the builders; imports no TensorFlow."""

import contextlib
import dataclasses
import errno
import fcntl
import functools
import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np

from gaitgs_jax import atomic
from gaitgs_jax.errors import UserError, one_line
from gaitgs_jax.input import keypoint_faults, keypoints, npz
from gaitgs_jax.input.pretreatment import pretreat
from gaitgs_jax.input.trees import TreeSequence, read_pretreated
from gaitgs_jax.synthetic import walk, walk_keypoints

# Of a work file: more than sixteen of the longest sequences.
_MOST_BYTES = 1 << 34


class Call(Protocol):
  """Makes one sequence; a dataclass, as work files are named after its repr."""

  @property
  def source(self) -> str:
    """The file or folder that it reads, '' if none."""

  def __call__(self) -> np.ndarray:
    """Returns uint8 [s,h,w] or float32 [s,v,3]."""


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
  source: ClassVar[str] = ''

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
  source: ClassVar[str] = ''

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

  @property
  def source(self) -> str:
    """The sequence's folder."""
    return self.folder

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

  @property
  def source(self) -> str:
    """The sequence's folder, or the csv file."""
    return self.sequence.folder

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

  The file is there whole or not at all, and is named after the calls, the
  files they read and the code: so an interrupted preparation goes on where it
  stopped, and what was copied or replaced since then is read again.

  Attributes:
    folder: the work folder.
    calls: make one sequence each.
  """

  folder: str
  calls: tuple[Call, ...]

  @property
  def path(self) -> Path:
    """The chunk's file, for the sources as they are now."""
    sources = sorted({call.source for call in self.calls} - {''})
    facts = (self.calls, [(each, _stamp(each)) for each in sources], _code())
    digest = hashlib.sha256(repr(facts).encode(errors='surrogateescape'))
    return Path(self.folder, f'{digest.hexdigest()[:32]}.npz')

  def __call__(self) -> Path:
    """Makes the file where it is missing; returns its path.

    Raises:
      UserError: a sequence cannot be read or changed meanwhile, or the disk is
        full.
    """
    path = self.path
    if path.exists():
      return path
    arrays = [call() for call in self.calls]
    if self.path != path:
      first, last = self.calls[0].source, self.calls[-1].source
      raise UserError(
        f'{first} to {last}: files there changed while they were read; wait '
        'until they are copied and run the same command again'
      )
    try:
      with atomic.writing(path) as file:
        np.savez_compressed(file, *arrays)
    except UserError as error:
      code = getattr(error.__cause__, 'errno', None)
      if code not in (errno.ENOSPC, errno.EDQUOT):
        raise
      raise UserError(
        f'{self.folder}: the disk is full; make room and run the same command'
        ' again, it goes on from here'
      ) from error
    return path

  def load(self, path: Path) -> list[np.ndarray]:
    """Returns each sequence; a damaged file is made again.

    Args:
      path: of the file that was made.

    Raises:
      UserError: the file is damaged again, or as calling raises.
    """
    try:
      return self._read(path)
    except (OSError, ValueError) as error:
      print(
        f'note: {path}: is damaged ({one_line(error)}); it is made again',
        file=sys.stderr,
        flush=True,
      )
    path.unlink(missing_ok=True)
    try:
      return self._read(self())
    except (OSError, ValueError) as error:
      raise UserError(
        f'{path}: is damaged as soon as it is written ({one_line(error)}); is'
        ' the disk sound? Choose another one with --root'
      ) from error

  def _read(self, path: Path) -> list[np.ndarray]:
    arrays = [array for _, array in npz.read(path, _MOST_BYTES)]
    if len(arrays) != len(self.calls):
      raise ValueError(f'it holds {len(arrays)} of {len(self.calls)} sequences')
    return arrays


def _stamp(source: str) -> list[tuple[str, int, int, int]] | None:
  """Returns name, size and times of change of a source's files.

  The second time is the system's own: copying can set the first one back.
  """
  try:
    if not os.path.isdir(source):
      return [_facts('', os.stat(source))]
    with os.scandir(source) as found:
      return sorted(_facts(each.name, each.stat()) for each in found)
  except OSError:
    return None  # The call says what is wrong.


def _facts(name: str, status: os.stat_result) -> tuple[str, int, int, int]:
  return name, status.st_size, status.st_mtime_ns, status.st_ctime_ns


@functools.cache
def _code() -> str:
  """Returns a digest of the code that makes sequences."""
  digest = hashlib.sha256()
  for folder in ('input', 'synthetic'):
    for path in sorted(Path(atomic.__file__).with_name(folder).glob('*.py')):
      digest.update(path.read_bytes())
  return digest.hexdigest()
