"""What people carry and wear over their clothes: bags and coats.

CASIA-B's conditions: nm-01..06 as the person is, bg-01..02 with a bag,
cl-01..02 in a coat. Bag and coat are drawn per walk: they say nothing about
who wears them.
"""

from typing import NamedTuple

import numpy as np

from gaitgs_jax.synthetic import traits as settings
from gaitgs_jax.synthetic.body import Body
from gaitgs_jax.synthetic.flesh import Hull, Padding, hull
from gaitgs_jax.synthetic.skeleton import Joints, place, rotation
from gaitgs_jax.synthetic.traits import Traits

CONDITIONS = (
  *(f'nm-{i:02d}' for i in range(1, 7)),
  *(f'bg-{i:02d}' for i in range(1, 3)),
  *(f'cl-{i:02d}' for i in range(1, 3)),
)
BAGS = ('shoulder_bag', 'backpack', 'hand_bag')

# Half length, half height, half thickness of each bag in metres.
_BAG_HALF = {
  'shoulder_bag': (0.17, 0.13, 0.055),
  'backpack': (0.14, 0.22, 0.085),
  'hand_bag': (0.17, 0.14, 0.05),
}

_HANDS_IN_POCKETS = (
  ('arm_offset', -14.0),
  ('elbow_offset', 38.0),
  ('forearm_inward', 8.0),
  ('arm_spread', 6.0),
)


class Outfit(NamedTuple):
  """What one walk adds to the body.

  Attributes:
    bag: one of `BAGS`, or none.
    side: of the bag, 0 left, 1 right.
    size: of the bag, as a factor.
    damping: factor on the swing of the left and the right arm.
    padding: what a coat adds to the body.
    hem: how far a coat hangs down, 1 to the knees; 0 is no coat.
    flare: metres between leg and hem.
    hood: whether the coat has one.
    posture: how the walker's traits shift under the load.
  """

  bag: str = ''
  side: int = 0
  size: float = 1.0
  damping: tuple[float, float] = (1.0, 1.0)
  padding: Padding = Padding()
  hem: float = 0.0
  flare: float = 0.0
  hood: bool = False
  posture: tuple[tuple[str, float], ...] = ()


def draw_outfit(condition: str, generator: np.random.Generator) -> Outfit:
  """Returns what a person carries or wears under a condition."""
  if condition.startswith('bg'):
    return draw_bag(generator)
  if condition.startswith('cl'):
    return _draw_coat(generator)
  return Outfit()


def hold(traits: Traits, outfit: Outfit) -> Traits:
  """Returns the traits as the outfit makes the person hold themselves."""
  held = dict(traits)
  for name, shift in outfit.posture:
    held[name] += shift
  return held


def draw_bag(generator: np.random.Generator) -> Outfit:
  """Returns a bag, and how it is carried."""
  bag = BAGS[generator.integers(len(BAGS))]
  side = int(generator.integers(2))
  held = generator.uniform(*settings.BAG_ARM_DAMPING)
  damping = [1.0, 1.0]
  lean = generator.uniform(*settings.BACKPACK_LEAN)
  if bag == 'backpack':
    damping = [0.5 + 0.5 * held] * 2
  else:
    damping[side] = held
  return Outfit(
    bag=bag,
    side=side,
    size=generator.uniform(*settings.BAG_SIZE),
    damping=(damping[0], damping[1]),
    posture=(('lean', lean),) if bag == 'backpack' else (),
  )


def _draw_coat(generator: np.random.Generator) -> Outfit:
  damping = generator.uniform(*settings.COAT_ARM_DAMPING)
  trunk = generator.uniform(*settings.COAT_TRUNK)
  posture = [('arm_spread', generator.uniform(*settings.COAT_ARM_SPREAD))]
  if generator.random() < settings.COAT_POCKETS:
    damping = 0.0
    posture += _HANDS_IN_POCKETS
  return Outfit(
    damping=(damping, damping),
    padding=Padding(
      trunk=trunk,
      arm=generator.uniform(*settings.COAT_SLEEVE),
      neck=0.6 * trunk,
    ),
    hem=generator.uniform(*settings.COAT_HEM),
    flare=generator.uniform(*settings.COAT_FLARE),
    hood=bool(generator.random() < settings.COAT_HOOD),
    posture=tuple(posture),
  )


def add_outfit(
  parts: list[Hull],
  outfit: Outfit,
  skeleton: Joints,
  body: Body,
  traits: Traits,
) -> list[Hull]:
  """Returns the parts together with the bag or the coat."""
  if outfit.bag:
    return parts + _bag(outfit, skeleton, body, traits)
  if outfit.hem:
    return parts + _coat(outfit, skeleton, body, traits)
  return parts


def _slab(
  name: str,
  centre: np.ndarray,
  axes: np.ndarray,
  half: tuple[float, float, float],
) -> Hull:
  """Returns a box with round edges; the last half size is its radius."""
  long, high, radius = half
  corners = [
    (place(centre, axes, a * (long - radius), 0, b * (high - radius)), radius)
    for a in (1, -1)
    for b in (1, -1)
  ]
  return hull(name, *corners)


def _bag(
  outfit: Outfit, skeleton: Joints, body: Body, traits: Traits
) -> list[Hull]:
  long, high, thick = (outfit.size * x for x in _BAG_HALF[outfit.bag])
  half = (long, high, thick)
  if outfit.bag == 'backpack':
    return [_backpack(half, skeleton, body, traits)]
  if outfit.bag == 'hand_bag':
    return _hand_bag(half, outfit.side, skeleton)
  return _shoulder_bag(half, outfit.side, skeleton, body, traits)


def _backpack(
  half: tuple[float, float, float],
  skeleton: Joints,
  body: Body,
  traits: Traits,
) -> Hull:
  wide, high, thick = half
  behind = -0.045 * body.stature * traits['chest_girth'] - 0.8 * thick
  up = 0.55 * body.chest
  spheres = [
    (
      place(
        skeleton.lumbar,
        skeleton.trunk_axes,
        behind - 0.4 * thick * (b < 0),
        a * (wide - 0.75 * thick),
        up + b * (high - 0.75 * thick),
      ),
      0.75 * thick * (1.15 if b < 0 else 1.0),
    )
    for a in (1, -1)
    for b in (1, -1)
  ]
  return hull('backpack', *spheres)


def _hand_bag(
  half: tuple[float, float, float], side: int, skeleton: Joints
) -> list[Hull]:
  grip = skeleton.hand[:, side]
  zero = np.zeros(len(grip))
  # The bag trails the hand: it hangs plumb and swings with a part of its way.
  swing = 0.5 * (grip - skeleton.shoulder[:, side])[:, 0]
  axes = rotation(zero, -swing, zero)
  handle = 0.12
  centre = place(grip, axes, 0, 0, -handle - half[1])
  top = place(grip, axes, 0, 0, -handle)
  return [
    _slab('hand_bag', centre, axes, half),
    hull('handle', (grip, 0.02), (top, 0.035)),
  ]


def _shoulder_bag(
  half: tuple[float, float, float],
  side: int,
  skeleton: Joints,
  body: Body,
  traits: Traits,
) -> list[Hull]:
  sign = 1 - 2 * side
  out = 0.105 * body.stature * traits['hip_width'] + 0.6 * half[2]
  centre = place(skeleton.pelvis, skeleton.pelvis_axes, -0.02, sign * out, 0.01)
  top = place(skeleton.pelvis, skeleton.pelvis_axes, 0.0, sign * out, half[1])
  shoulder = place(
    skeleton.shoulder[:, side],
    skeleton.trunk_axes,
    0.0,
    -sign * 0.04,
    0.025 * body.stature,
  )
  return [
    _slab('shoulder_bag', centre, skeleton.pelvis_axes, half),
    hull('strap', (shoulder, 0.018), (top, 0.02)),
  ]


def _coat(
  outfit: Outfit, skeleton: Joints, body: Body, traits: Traits
) -> list[Hull]:
  size, girth = body.stature, traits['leg_girth']
  waist = 0.057 * size * traits['waist_girth'] + outfit.padding.trunk
  middle = [
    (place(skeleton.lumbar, skeleton.trunk_axes, 0, a * 0.66 * waist, 0), waist)
    for a in (1, -1)
  ]
  hips = [
    (
      place(skeleton.pelvis, skeleton.pelvis_axes, -0.01, a * body.hip_half, 0),
      0.053 * size * girth + max(outfit.padding.trunk, outfit.flare),
    )
    for a in (1, -1)
  ]
  parts = [hull('skirt', *middle, *hips, *_hem(outfit, skeleton, body, traits))]
  if outfit.hood:
    behind = -0.03 * size - outfit.padding.trunk
    low = place(skeleton.neck, skeleton.trunk_axes, behind, 0, -0.03 * size)
    high = place(skeleton.neck, skeleton.trunk_axes, behind, 0, 0.02 * size)
    parts.append(hull('hood', (low, 0.035 * size), (high, 0.022 * size)))
  return parts


def _hem(
  outfit: Outfit, skeleton: Joints, body: Body, traits: Traits
) -> list[tuple[np.ndarray, float]]:
  """Returns the coat's lower end around both legs; 1 reaches the knees."""
  on_thigh = min(outfit.hem, 1.0)
  on_shank = max(outfit.hem - 1.0, 0.0)
  down = skeleton.knee - skeleton.hip
  point = skeleton.hip + on_thigh * down
  point = point + on_shank * (skeleton.ankle - skeleton.knee)
  # Cloth is stiffer than a leg: it follows the thighs only in part.
  middle = point.mean(1, keepdims=True)
  point = middle + 0.75 * (point - middle)
  radius = 0.040 * body.stature * traits['leg_girth'] + outfit.flare
  return [(point[:, side], radius) for side in (0, 1)]
