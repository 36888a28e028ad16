"""Who is who from frame to frame: ByteTrack, https://arxiv.org/abs/2110.06864.

Sure detections are matched with all tracks first. Unsure ones, which a half
hidden person has, only continue tracks; they never start one.
"""

import dataclasses

import numpy as np
from scipy import optimize

from gaitgs_jax.video import boxes, kalman


@dataclasses.dataclass(frozen=True)
class Limits:
  """When detections and tracks are the same person.

  Attributes:
    sure: score from which a detection is matched first and may start a track.
    unsure: score from which it may continue one.
    overlap: least intersection over union of a sure detection and a track.
    unsure_overlap: the same of an unsure detection.
    new_overlap: the same of a detection and a track that has one frame yet.
    lost: frames after which a track that is not seen ends.
  """

  sure: float = 0.3
  unsure: float = 0.1
  overlap: float = 0.2
  unsure_overlap: float = 0.5
  new_overlap: float = 0.3
  lost: int = 30


@dataclasses.dataclass(eq=False)
class Track:
  """One person.

  Attributes:
    number: 1, 2, ...; 0 until it is seen a second time.
    state: of its box.
    last: number of the frame in which it was last seen.
  """

  number: int
  state: kalman.State
  last: int


class Tracker:
  """Follows people through the frames of a video."""

  def __init__(self, limits: Limits | None = None):
    self._limits = limits or Limits()
    self._tracks: list[Track] = []
    self._frame = -1
    self._count = 0

  def step(self, found: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Takes the detections of the next frame.

    Args:
      found: boxes [n,4].
      scores: [n], 0 to 1.

    Returns:
      int64 [n]: the number of each detection's track, 0 for none. A person is
      numbered from the second frame on, in the first frame of a video at once.
    """
    limits = self._limits
    self._frame += 1
    for track in self._tracks:
      track.state = kalman.predict(track.state)
    numbers = np.zeros(len(found), np.int64)
    sure = np.flatnonzero(scores >= limits.sure)
    unsure = np.flatnonzero((scores >= limits.unsure) & (scores < limits.sure))
    known = [track for track in self._tracks if track.number]
    new = [track for track in self._tracks if not track.number]
    sure, left = self._match(known, found, sure, limits.overlap, numbers)
    # A track that was lost before needs a sure detection.
    seen = [track for track in left if track.last == self._frame - 1]
    self._match(seen, found, unsure, limits.unsure_overlap, numbers)
    sure, once = self._match(new, found, sure, limits.new_overlap, numbers)
    self._tracks = [
      track
      for track in self._tracks
      if track not in once and self._frame - track.last <= limits.lost
    ]
    for row in sure.tolist():
      track = Track(0, kalman.start(found[row]), self._frame)
      if self._frame == 0:
        self._name(track)
        numbers[row] = track.number
      self._tracks.append(track)
    return numbers

  def missing(self) -> np.ndarray:
    """Returns where people are [n,4] who were not seen in the last frame."""
    lost = [
      track.state.box
      for track in self._tracks
      if track.number and track.last < self._frame
    ]
    return np.stack(lost) if lost else boxes.empty()

  def _name(self, track: Track) -> None:
    self._count += 1
    track.number = self._count

  def _match(
    self,
    tracks: list[Track],
    found: np.ndarray,
    rows: np.ndarray,
    least: float,
    numbers: np.ndarray,
  ) -> tuple[np.ndarray, list[Track]]:
    """Matches detections with tracks; returns what is left of both."""
    if not tracks or not len(rows):
      return rows, tracks
    shared = boxes.overlaps(
      np.stack([track.state.box for track in tracks]), found[rows]
    )
    first, second = optimize.linear_sum_assignment(shared, maximize=True)
    good = shared[first, second] >= least
    for i, j in zip(first[good].tolist(), second[good].tolist(), strict=True):
      track = tracks[i]
      track.state = kalman.update(track.state, found[rows[j]])
      track.last = self._frame
      if not track.number:
        self._name(track)
      numbers[rows[j]] = track.number
    left = np.setdiff1d(np.arange(len(tracks)), first[good])
    return np.delete(rows, second[good]), [tracks[i] for i in left]
