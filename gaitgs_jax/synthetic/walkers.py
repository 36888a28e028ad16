"""Synthetic people who walk past a camera, in CASIA-B's design."""

from typing import NamedTuple

import numpy as np

from gaitgs_jax.errors import UserError, wrong_choice
from gaitgs_jax.synthetic import traits as settings
from gaitgs_jax.synthetic.body import Body, measure
from gaitgs_jax.synthetic.camera import VIEWS, Camera, draw_camera, project
from gaitgs_jax.synthetic.clothing import (
  CONDITIONS,
  Outfit,
  add_outfit,
  draw_outfit,
  hold,
)
from gaitgs_jax.synthetic.flesh import Hull, clothe
from gaitgs_jax.synthetic.gait import angles
from gaitgs_jax.synthetic.keypoints import detect
from gaitgs_jax.synthetic.rasterize import Discs, boxes, fill
from gaitgs_jax.synthetic.segmenter import degrade, draw_faults, kept_frames
from gaitgs_jax.synthetic.skeleton import Joints, pose, stride_length
from gaitgs_jax.synthetic.traits import Traits, draw_subject, vary

SIZE = (240, 320)
MAX_FRAMES = 60  # The fastest walker is in sight for longer than this.

# What a generator is for; one stream never touches another's numbers.
_SUBJECT, _WALK, _CAMERA, _SEGMENTER, _DETECTOR = range(5)
_MARGIN = 4  # Pixels around a person's box, room for ragged borders.


class Walk(NamedTuple):
  """One walk before one camera.

  Attributes:
    silhouettes: uint8 [s, h, w], 0 or 255.
    keypoints: float32 [s, 17, 3], COCO order: x, y in pixels, confidence.
    phase: float32 [s], radians of the gait cycle, 0 at the left heel's contact.
  """

  silhouettes: np.ndarray
  keypoints: np.ndarray
  phase: np.ndarray


class Shot(NamedTuple):
  """One walk before one camera, to be drawn or to be detected."""

  number: tuple[int, int, int]
  body: Body
  camera: Camera
  skeleton: Joints
  phase: np.ndarray
  discs: Discs
  heights: np.ndarray


class Motion(NamedTuple):
  """One walk as every camera sees it."""

  body: Body
  traits: Traits
  outfit: Outfit
  speed: float
  path: float
  phase: float
  wander: np.ndarray


def generator_of(*entropy: int) -> np.random.Generator:
  """Returns the random numbers of a stream."""
  return np.random.Generator(np.random.Philox(np.random.SeedSequence(entropy)))


def _draw_motion(seed: int, subject: int, condition: str) -> Motion:
  person = draw_subject(generator_of(seed, _SUBJECT, subject))
  number = CONDITIONS.index(condition)
  generator = generator_of(seed, _WALK, subject, number)
  traits = vary(person, generator)
  outfit = draw_outfit(condition, generator)
  traits = hold(traits, outfit)
  body = measure(traits)
  return Motion(
    body=body,
    traits=traits,
    outfit=outfit,
    speed=stride_length(body, traits) * traits['cadence'],
    path=generator.uniform(*settings.PATH_LENGTH),
    phase=generator.uniform(0, 2 * np.pi),
    wander=generator.uniform(0, 2 * np.pi, 2),
  )


def _frame_numbers(
  motion: Motion, frames: int | None, generator: np.random.Generator
) -> tuple[np.ndarray, float]:
  """Returns the kept frames' numbers and the place where the first stands."""
  per_frame = motion.speed / settings.FRAMES_PER_SECOND
  natural = int(np.clip(motion.path / per_frame, *settings.FRAME_COUNTS))
  numbers = kept_frames(frames or natural, generator)
  length = numbers[-1] * per_frame
  room = max(settings.PATH_HALF - length / 2, 0.0)
  if frames is None:
    room = min(room, 0.2)
  return numbers, generator.uniform(-room, room) - length / 2


def _move(
  motion: Motion, numbers: np.ndarray, start: float
) -> tuple[Joints, np.ndarray]:
  """Returns the skeleton of the frames and the gait's phase."""
  time = numbers / settings.FRAMES_PER_SECOND
  forward = start + motion.speed * time
  stride = motion.speed / motion.traits['cadence']
  turns = forward / stride
  first, second = motion.wander
  phase = motion.phase + 2 * np.pi * turns
  phase = phase + settings.PHASE_WANDER * np.sin(0.7 * np.pi * turns + first)
  wave = np.sin(0.5 * np.pi * turns + second)
  gain = 1 + settings.AMPLITUDE_WANDER * wave
  posture = angles(motion.traits, phase, gain, motion.outfit.damping)
  return pose(motion.body, motion.traits, posture, forward), phase


def project_hulls(parts: list[Hull], camera: Camera) -> Discs:
  """Returns the discs that a camera sees of hulls."""
  centres = np.concatenate([part.centres for part in parts], 1)
  radii = np.concatenate([part.radii for part in parts])
  x, y, depth = project(camera, centres)
  return Discs(
    x, y, camera.focal * radii / depth, tuple(len(p.radii) for p in parts)
  )


def paste(
  masks: np.ndarray, corners: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
  """Returns pictures uint8 [s, h, w] with every mask at its corner."""
  frames, height, width = masks.shape
  out = np.zeros((frames, *size), np.uint8)
  for i, (top, left) in enumerate(corners):
    y0, x0 = max(top, 0), max(left, 0)
    y1, x1 = min(top + height, size[0]), min(left + width, size[1])
    if y0 < y1 and x0 < x1:
      seen = masks[i, y0 - top : y1 - top, x0 - left : x1 - left]
      out[i, y0:y1, x0:x1] = seen * np.uint8(255)
  return out


def check(seed: int, subject: int, condition: str, view: str) -> None:
  """Checks what names a walk.

  Raises:
    UserError: condition or view is unknown, or a number is out of range.
  """
  if seed < 0 or subject < 0:
    raise UserError(
      f'seed and subject must be 0 or more, not {seed} and {subject}'
    )
  if condition not in CONDITIONS:
    raise wrong_choice(
      f'unknown condition {condition!r}', condition, CONDITIONS
    )
  if view not in VIEWS:
    raise wrong_choice(f'unknown view {view!r}', view, VIEWS)


def walk(
  seed: int,
  subject: int,
  condition: str,
  view: str,
  *,
  frames: int | None = None,
  size: tuple[int, int] = SIZE,
) -> Walk:
  """Returns one walk of one synthetic person before one camera.

  The result depends on the arguments alone, byte for byte. A subject of
  a seed is the same person in every call, and the cameras of one condition
  watch the same walk.

  Args:
    seed: of the whole population.
    subject: 0, 1, ...
    condition: one of `CONDITIONS`.
    view: one of `VIEWS`.
    frames: so many frames from a random phase of the walk; the whole walk of
      40 to 110 frames where None.
    size: (height, width) of the picture in pixels.

  Raises:
    UserError: condition or view is unknown, or a number is out of range.
  """
  shot = _shoot(seed, subject, condition, view, frames, size)
  corners, box = boxes(shot.discs, _MARGIN)
  masks = fill(shot.discs, corners, box)
  generator = generator_of(seed, _SEGMENTER, *shot.number)
  masks = degrade(masks, shot.heights, draw_faults(generator), generator)
  return Walk(
    paste(masks, corners, size),
    _detect(seed, shot),
    shot.phase.astype(np.float32),
  )


def walk_keypoints(
  seed: int,
  subject: int,
  condition: str,
  view: str,
  *,
  frames: int | None = None,
  size: tuple[int, int] = SIZE,
) -> np.ndarray:
  """Returns the keypoints of `walk` alone, several times as fast."""
  return _detect(seed, _shoot(seed, subject, condition, view, frames, size))


def _shoot(
  seed: int,
  subject: int,
  condition: str,
  view: str,
  frames: int | None,
  size: tuple[int, int],
) -> Shot:
  check(seed, subject, condition, view)
  if frames is not None and not 1 <= frames <= MAX_FRAMES:
    raise UserError(f'frames must lie in 1..{MAX_FRAMES}, not {frames}')
  motion = _draw_motion(seed, subject, condition)
  number = subject, CONDITIONS.index(condition), VIEWS.index(view)
  generator = generator_of(seed, _CAMERA, *number)
  camera = draw_camera(view, size, generator)
  numbers, start = _frame_numbers(motion, frames, generator)
  skeleton, phase = _move(motion, numbers, start)
  parts = clothe(skeleton, motion.body, motion.traits, motion.outfit.padding)
  parts = add_outfit(parts, motion.outfit, skeleton, motion.body, motion.traits)
  discs = project_hulls(parts, camera)
  heights = (discs.y + discs.radius).max(1) - (discs.y - discs.radius).min(1)
  return Shot(number, motion.body, camera, skeleton, phase, discs, heights)


def _detect(seed: int, shot: Shot) -> np.ndarray:
  generator = generator_of(seed, _DETECTOR, *shot.number)
  return detect(shot.skeleton, shot.body, shot.camera, shot.heights, generator)
