"""A video to walks: what finds, what cuts out, and every frame through both."""

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from typing import Literal, get_args

import numpy as np

from gaitgs_jax import local
from gaitgs_jax.errors import UserError
from gaitgs_jax.video import model_files, people, poses
from gaitgs_jax.video.found import Detector, Found, joined
from gaitgs_jax.video.frames import Source
from gaitgs_jax.video.given_masks import GivenMasks
from gaitgs_jax.video.motion import Motion
from gaitgs_jax.video.tracking import Limits
from gaitgs_jax.video.walks import Walk, Walks
from gaitgs_jax.video.watching import Seen, Watcher

DetectorName = Literal['people', 'motion', 'both']
SegmenterName = Literal['pose', 'motion']
DETECTORS: tuple[str, ...] = get_args(DetectorName)
SEGMENTERS: tuple[str, ...] = get_args(SegmenterName)

# Takes each frame uint8 [h,w,3], blue first, and the people in it.
Show = Callable[[np.ndarray, list[Seen]], None]

# Frames from which a fixed camera's background is learnt before the first.
_BACKGROUND = 100
# Seconds after which somebody who is not seen has left, and frames at least.
_LOST, _LEAST_LOST = 1.0, 10
# A region that moves is news if less of it than this is found already.
_KNOWN = 0.3


@dataclasses.dataclass(frozen=True)
class Settings:
  """How people are found and cut out.

  Attributes:
    detector: 'people' of any camera; 'motion' before a fixed camera; 'both'.
    segmenter: 'pose' finds masks and joints; 'motion' takes as masks what
      moves, without joints.
    masks: folder of masks that another segmenter made, or ''.
    detail: longer side of what the detector of people sees, in pixels.
    height: of a person in pixels, at least.
    every: take each so-manieth frame.
    frames: take so many at most; 0 for all.
    size: of the silhouettes.
    people_model: a file of the user's own, or ''.
    pose_model: a file of the user's own, or ''.
  """

  detector: DetectorName = 'people'
  segmenter: SegmenterName = 'pose'
  masks: str = ''
  detail: int = 768
  height: int = 40
  every: int = 1
  frames: int = 0
  size: int = 64
  people_model: str = ''
  pose_model: str = ''


def check(source: Source, settings: Settings) -> None:
  """Checks what settings say together.

  Raises:
    UserError: they contradict one another, or do not suit the source.
  """
  if settings.segmenter == 'motion' and settings.detector != 'motion':
    raise UserError(
      '--segmenter=motion takes what moves as masks: pass --detector=motion too'
    )
  if source.is_live and not settings.frames:
    raise UserError(
      f'{source.title} never ends: pass --frames=N, how many frames to take'
    )


def create_watcher(source: Source, settings: Settings) -> Watcher:
  """Loads what finds and cuts out people.

  Raises:
    UserError: a network is not there, or is not one.
  """
  rate = source.rate / settings.every
  limits = Limits(lost=max(round(rate * _LOST), _LEAST_LOST))
  finder: poses.Poses | None = None
  # Somebody's own masks alone have no picture to see joints in.
  is_masks = settings.masks and (
    local.path(settings.masks).resolve() == local.path(source.title).resolve()
  )
  if settings.segmenter == 'pose' and not is_masks:
    finder = poses.load(model_files.find('pose', settings.pose_model))
  return Watcher(
    _create_detector(source, settings),
    finder,
    own_masks=bool(settings.masks),
    limits=limits,
    height=settings.height,
  )


def _create_detector(source: Source, settings: Settings) -> Detector:
  if settings.masks:
    return GivenMasks(local.path(settings.masks), source.total, settings.every)
  if settings.detector == 'motion':
    return _motion(source, settings)
  path = model_files.find('people', settings.people_model)
  finder = people.load(path, settings.detail)
  if settings.detector == 'people':
    return finder
  moving = _motion(source, settings)

  def find(frame: np.ndarray) -> Found:
    return joined(finder(frame), moving(frame), _KNOWN)

  return find


def _motion(source: Source, settings: Settings) -> Motion:
  if source.is_live:
    return Motion(settings.height)
  first = taken(source, dataclasses.replace(settings, frames=_BACKGROUND))
  return Motion(settings.height, first)


def taken(source: Source, settings: Settings) -> Iterator[np.ndarray]:
  """Yields the frames that are taken of a source."""
  most = settings.frames * settings.every or None
  yield from itertools.islice(source.frames(), 0, most, settings.every)


def watch(
  source: Source,
  settings: Settings,
  watcher: Watcher,
  show: Show,
) -> tuple[list[Walk], int]:
  """Returns everybody's walks, and how many frames there were.

  Args:
    source: of the frames.
    settings: of `check`.
    watcher: of `create_watcher`.
    show: called for each frame.

  Raises:
    UserError: a frame cannot be read.
  """
  walks = Walks(source.size[1], settings.size)
  count = 0
  for frame in taken(source, settings):
    seen = watcher.step(frame)
    walks.add(count, seen)
    show(frame, seen)
    count += 1
  return walks.all(), count
