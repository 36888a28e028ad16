"""Walkers as cameras in the streets see them, to train for real people.

`walkers.walk` has CASIA-B's design: one pace, one height of the camera, bare
clothes. Here a person has clothes, a bag and a way to hold the arms that most
of their walks share, walks a curved path at a pace of the day, and every
sequence has a camera, a frame rate and a segmenter of its own.
"""

from typing import NamedTuple

import numpy as np

from gaitgs_jax.errors import UserError
from gaitgs_jax.synthetic import traits as plain
from gaitgs_jax.synthetic import wild_traits as settings
from gaitgs_jax.synthetic.body import Body, measure
from gaitgs_jax.synthetic.camera import VIEWS, Camera, facing
from gaitgs_jax.synthetic.clothing import (
  CONDITIONS,
  Outfit,
  add_outfit,
  draw_bag,
  hold,
)
from gaitgs_jax.synthetic.flesh import Hull, Padding, clothe
from gaitgs_jax.synthetic.gait import angles
from gaitgs_jax.synthetic.keypoints import detect, swap_legs
from gaitgs_jax.synthetic.rasterize import boxes
from gaitgs_jax.synthetic.segmenter import kept_frames
from gaitgs_jax.synthetic.skeleton import Joints, pose, rotation, stride_length
from gaitgs_jax.synthetic.traits import Traits
from gaitgs_jax.synthetic.walkers import (
  Walk,
  check,
  generator_of,
  paste,
  project_hulls,
)
from gaitgs_jax.synthetic.wild_detector import misplace
from gaitgs_jax.synthetic.wild_segmenter import segment

SIZE = (224, 224)
FRAMES = 30
MAX_FRAMES = 200

# What a generator is for; other streams than those of `walkers`.
_PERSON, _WALK, _CAMERA, _SEGMENTER, _DETECTOR, _SIDE, _STREET = range(100, 107)
# Pixels around a person's box, over the person's height, for faults.
_MARGIN = 0.12


class Person(NamedTuple):
  """One subject: traits, usual clothes, usual bag (or none), usual arms."""

  traits: Traits
  clothes: Outfit
  bag: Outfit
  arms: str


class Shot(NamedTuple):
  """One walk before one camera, to be drawn or to be detected."""

  number: tuple[int, int, int]
  body: Body
  camera: Camera
  skeleton: Joints
  phase: np.ndarray
  parts: list[Hull]


def wild_walk(
  seed: int,
  subject: int,
  condition: str,
  view: str,
  *,
  frames: int = FRAMES,
  street: bool = False,
  size: tuple[int, int] = SIZE,
) -> Walk:
  """Returns one walk of one synthetic person before one camera of many kinds.

  The result depends on the arguments alone. A subject of a seed is the same
  person in every call, but not the one of `walkers.walk`. The conditions are
  nm: usual clothes; bg: these and a bag; cl: other clothes.

  Args:
    seed: of the whole population.
    subject: 0, 1, ...
    condition: one of `CONDITIONS`.
    view: one of `VIEWS`; the angle lies within 18 degrees of it. All cameras
      are on the same side of a person, left or right.
    frames: how many, at 8 to 30 a second.
    street: whether everybody of a condition and view walks before the same
      camera, in directions that differ by 8 degrees from its view.
    size: (height, width) of the pictures in pixels, which follow the person;
      the keypoints are in pixels of a camera that does not.

  Raises:
    UserError: condition or view is unknown, or a number is out of range.
  """
  shot = _shoot(seed, subject, condition, view, frames, street)
  generator = generator_of(seed, _SEGMENTER, *shot.number)
  discs = project_hulls(shot.parts, shot.camera)
  heights = _heights(shot)
  corners, box = boxes(discs, 3 + int(_MARGIN * heights.max()))
  masks = segment(discs, shot.parts, corners, box, heights, generator)
  rows, columns = masks.shape[1:]
  middle = np.array([(size[0] - rows) // 2, (size[1] - columns) // 2])
  return Walk(
    paste(masks, np.broadcast_to(middle, (frames, 2)), size),
    _detect(seed, shot),
    shot.phase.astype(np.float32),
  )


def wild_keypoints(
  seed: int,
  subject: int,
  condition: str,
  view: str,
  *,
  frames: int = FRAMES,
  street: bool = False,
) -> np.ndarray:
  """Returns the keypoints of `wild_walk` alone."""
  shot = _shoot(seed, subject, condition, view, frames, street)
  return _detect(seed, shot)


def _share(
  generator: np.random.Generator, limits: tuple[float, float]
) -> float:
  return float(generator.uniform(*limits))


def _log_share(
  generator: np.random.Generator, limits: tuple[float, float]
) -> float:
  return float(np.exp(generator.uniform(*np.log(limits))))


def draw_person(seed: int, subject: int) -> Person:
  """Returns a subject."""
  generator = generator_of(seed, _PERSON, subject)
  traits = plain.draw_subject(generator)
  build = np.exp(settings.BUILD_SD * generator.standard_normal())
  for name in ('chest_girth', 'waist_girth', 'arm_girth', 'leg_girth'):
    traits[name] *= build
  bag = draw_bag(generator)
  if generator.random() >= settings.USUAL_BAG:
    bag = Outfit()
  return Person(traits, _draw_clothes(generator), bag, _draw_arms(generator))


def _draw_clothes(generator: np.random.Generator) -> Outfit:
  jacket = generator.random() < settings.JACKET
  trunk = _share(generator, settings.TRUNK) * jacket
  sleeve = _share(generator, settings.SLEEVE) * jacket
  skirt = generator.random() < settings.SKIRT
  hood = bool(generator.random() < settings.HOOD)
  return Outfit(
    padding=Padding(trunk, sleeve, 0.5 * trunk * hood),
    hem=_share(generator, settings.HEM) * skirt,
    flare=_share(generator, settings.FLARE),
    hood=hood,
    posture=(('trousers', _share(generator, settings.TROUSERS)),),
  )


def _draw_arms(generator: np.random.Generator) -> str:
  names = list(settings.ARMS)
  return names[generator.choice(len(names), p=settings.ARMS_SHARES)]


def _draw_walk(
  person: Person, condition: str, generator: np.random.Generator
) -> tuple[Traits, Outfit, Outfit]:
  """Returns the traits, clothes and bag of one walk."""
  traits = plain.vary(person.traits, generator)
  pace = float(np.clip(generator.standard_normal(), -2, 2))
  swing = settings.SWING * (1 + settings.PACE_SWING * pace)
  for name in ('thigh_swing', 'arm_swing'):
    traits[name] *= swing
  traits['cadence'] *= 1 + settings.PACE_CADENCE * pace
  other, bag = _draw_clothes(generator), draw_bag(generator)
  clothes = other if condition.startswith('cl') else person.clothes
  if not condition.startswith('bg'):
    bag = person.bag
  arms = _draw_arms(generator)
  if generator.random() < settings.USUAL_ARMS:
    arms = person.arms
  forward, elbow, inward, spread, damping = settings.ARMS[arms]
  traits['arm_offset'] += forward
  traits['elbow_offset'] += elbow
  traits['forearm_inward'] += inward
  traits['arm_spread'] += spread + 60 * clothes.padding.trunk
  traits['trousers'] = dict(clothes.posture)['trousers']
  traits = hold(traits, bag)
  left, right = (damping * each for each in bag.damping)
  return traits, clothes, bag._replace(damping=(left, right))


def _draw_camera(
  view: str,
  side: int,
  stature: float,
  reach: float,
  turned: float,
  generator: np.random.Generator,
) -> Camera:
  """Returns a camera.

  Args:
    view: one of `VIEWS`.
    side: of the person, -1 or 1.
    stature: of the person, metres.
    reach: how far from the middle the path leads, metres.
    turned: degrees by which the path is not the camera's.
    generator: draws the rest.
  """
  angle = float(view) + _share(generator, (-settings.ANGLE, settings.ANGLE))
  around = side * np.radians(angle + turned)
  up = np.radians(_share(generator, settings.ELEVATION))
  distance = _log_share(generator, settings.DISTANCE)
  distance = max(distance, settings.REACHES * reach)
  focal = _log_share(generator, settings.HEIGHT) * distance / stature
  position = distance * np.array(
    [
      np.cos(up) * np.cos(around),
      np.cos(up) * np.sin(around),
      np.sin(up),
    ]
  )
  aim = np.array([0.0, 0.0, stature / 2])
  roll = np.radians(settings.ROLL_SD * generator.standard_normal())
  return facing(position + aim, aim, roll, focal, (0.0, 0.0))


def _walked(skeleton: Joints, forward: np.ndarray, bend: float) -> Joints:
  """Returns the skeleton of a straight walk on a curved path.

  Args:
    skeleton: with the pelvis at x = forward.
    forward: metres [s], 0 in the middle.
    bend: radians for each metre.
  """
  heading = bend * forward
  zero = np.zeros_like(heading)
  turn = rotation(heading, zero, zero)
  steps = np.diff(forward, prepend=forward[0])
  path = np.cumsum(
    steps[:, None] * np.stack([np.cos(heading), np.sin(heading)], -1), 0
  )
  path -= path[len(path) // 2]
  place = np.concatenate([path, zero[:, None]], -1)
  origin = np.stack([forward, zero, zero], -1)
  moved = {}
  for name, value in skeleton._asdict().items():
    if name.endswith('_axes'):
      moved[name] = turn @ value
      continue
    shape = (-1,) + (1,) * (value.ndim - 2) + (3,)
    local = value - origin.reshape(shape)
    moved[name] = np.einsum('sij,s...j->s...i', turn, local)
    moved[name] += place.reshape(shape)
  return Joints(**moved)


def _shoot(
  seed: int,
  subject: int,
  condition: str,
  view: str,
  frames: int,
  street: bool = False,
) -> Shot:
  check(seed, subject, condition, view)
  if not 1 <= frames <= MAX_FRAMES:
    raise UserError(f'frames must lie in 1..{MAX_FRAMES}, not {frames}')
  person = draw_person(seed, subject)
  number = subject, CONDITIONS.index(condition), VIEWS.index(view)
  generator = generator_of(seed, _WALK, *number[:2])
  traits, clothes, bag = _draw_walk(person, condition, generator)
  body = measure(traits)
  speed = stride_length(body, traits) * traits['cadence']
  generator = generator_of(seed, _CAMERA, *number)
  at_camera, turned = generator, 0.0
  if street:
    at_camera = generator_of(seed, _STREET, *number[1:])
    turned = _share(generator, (-settings.TURNED, settings.TURNED))
  rate = _log_share(at_camera, settings.RATE)
  forward = speed * kept_frames(frames, generator) / rate
  forward -= forward[len(forward) // 2]
  side = int(generator_of(seed, _SIDE, subject).choice([-1, 1]))
  reach = float(np.abs(forward).max())
  camera = _draw_camera(view, side, body.stature, reach, turned, at_camera)
  first, *wander = generator.uniform(0, 2 * np.pi, 3)
  turns = forward / stride_length(body, traits)
  phase = first + 2 * np.pi * turns
  phase = phase + plain.PHASE_WANDER * np.sin(0.7 * np.pi * turns + wander[0])
  gain = 1 + plain.AMPLITUDE_WANDER * np.sin(0.5 * np.pi * turns + wander[1])
  motion = angles(traits, phase, gain, bag.damping)
  bend = np.radians(settings.TURN_SD) * generator.standard_normal()
  bend /= max(float(np.ptp(forward)), 1.0)
  skeleton = _walked(pose(body, traits, motion, forward), forward, bend)
  parts = clothe(skeleton, body, traits, clothes.padding)
  parts = add_outfit(parts, clothes, skeleton, body, traits)
  parts = add_outfit(parts, bag, skeleton, body, traits)
  return Shot(number, body, camera, skeleton, phase, parts)


def _heights(shot: Shot) -> np.ndarray:
  """Returns the person's height in pixels [s]."""
  discs = project_hulls(shot.parts, shot.camera)
  return (discs.y + discs.radius).max(1) - (discs.y - discs.radius).min(1)


def _detect(seed: int, shot: Shot) -> np.ndarray:
  generator = generator_of(seed, _DETECTOR, *shot.number)
  noise = _share(generator, settings.NOISE)
  heights = _heights(shot)
  found = detect(
    shot.skeleton, shot.body, shot.camera, heights, generator, noise
  )
  found = misplace(found, heights, generator)
  swapped = generator.random(len(found)) < settings.SWAPPED
  return swap_legs(found, swapped)
