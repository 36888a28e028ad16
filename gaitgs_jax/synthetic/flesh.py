"""The body around a skeleton: segments as convex hulls of spheres.

A tapered capsule is the hull of two spheres, a flat chest that of four. The
outline of a hull under a camera is the hull of the spheres' discs, which
`rasterize` fills exactly.
"""

from typing import NamedTuple

import numpy as np

from gaitgs_jax.synthetic.body import Body
from gaitgs_jax.synthetic.skeleton import (
  BALL_RADIUS,
  HEEL_RADIUS,
  TOE_RADIUS,
  Joints,
  place,
)
from gaitgs_jax.synthetic.traits import Traits


class Hull(NamedTuple):
  """One convex part: centres [s, k, 3] and radii [k] in metres."""

  name: str
  centres: np.ndarray
  radii: np.ndarray


class Padding(NamedTuple):
  """Metres that clothes add to the radius of trunk, arms and neck."""

  trunk: float = 0.0
  arm: float = 0.0
  neck: float = 0.0


def hull(name: str, *spheres: tuple[np.ndarray, float]) -> Hull:
  """Returns the hull of spheres given as (centre [s, 3], radius)."""
  centres = np.stack([centre for centre, _ in spheres], 1)
  return Hull(name, centres, np.array([radius for _, radius in spheres]))


def _pair(
  origin: np.ndarray,
  axes: np.ndarray,
  offset: tuple[float, float, float],
  radius: float,
) -> list[tuple[np.ndarray, float]]:
  """Returns two spheres, left and right of the middle plane."""
  forward, left, up = offset
  return [
    (place(origin, axes, forward, side * left, up), radius) for side in (1, -1)
  ]


def _trunk(
  skeleton: Joints, body: Body, traits: Traits, padding: Padding
) -> list[Hull]:
  size, add = body.stature, padding.trunk
  chest = 0.060 * size * traits['chest_girth']
  waist = 0.057 * size * traits['waist_girth']
  across = body.shoulder_half
  origin, axes = skeleton.lumbar, skeleton.trunk_axes
  shoulders = _pair(
    origin,
    axes,
    (traits['hunch'], 0.75 * across, body.chest - 1.1 * body.shoulder_drop),
    0.032 * size + add,
  )
  ribs = _pair(
    origin,
    axes,
    (0.004 * size, 0.36 * across, 0.52 * body.chest),
    chest + add,
  )
  belly = place(origin, axes, 0.3 * waist + traits['belly'], 0, 0.0)
  middle = _pair(origin, axes, (0.0, 0.66 * waist, 0.0), waist + add)
  return [
    hull('upper_torso', *shoulders, *ribs),
    hull('lower_torso', *ribs, *middle, (belly, 0.86 * waist + add)),
    _pelvis(skeleton, body, traits, middle, add),
  ]


def _pelvis(
  skeleton: Joints, body: Body, traits: Traits, middle: list, add: float
) -> Hull:
  size = body.stature
  girth = 0.5 * (traits['waist_girth'] + traits['leg_girth'])
  hips = _pair(
    skeleton.pelvis,
    skeleton.pelvis_axes,
    (0.0, 0.92 * body.hip_half, 0.005 * size),
    0.053 * size * girth + add,
  )
  seat = _pair(
    skeleton.pelvis,
    skeleton.pelvis_axes,
    (-0.010 * size - traits['buttocks'], 0.7 * body.hip_half, -0.015 * size),
    0.050 * size * girth + add,
  )
  return hull('pelvis', *middle, *hips, *seat)


def _head(
  skeleton: Joints, body: Body, traits: Traits, padding: Padding
) -> list[Hull]:
  size, head = body.stature, body.head
  origin, axes = skeleton.head, skeleton.head_axes
  girth = traits['chest_girth']
  across = body.shoulder_half
  base = place(
    skeleton.neck, skeleton.trunk_axes, -0.005 * size, 0, 0.018 * size
  )
  collar = _pair(
    skeleton.neck,
    skeleton.trunk_axes,
    (0.0, 0.88 * across, -body.shoulder_drop),
    0.030 * size + padding.trunk,
  )
  neck = 0.031 * size * girth**0.5 + padding.neck
  throat = place(origin, axes, 0.0, 0, 0.25 * head)
  nape = place(skeleton.neck, skeleton.trunk_axes, 0, 0, 0.1 * body.neck)
  crown = place(origin, axes, -0.02 * head, 0, 0.62 * head)
  back = place(origin, axes, -0.10 * head, 0, 0.55 * head)
  brow = place(origin, axes, 0.10 * head, 0, 0.55 * head)
  chin = place(origin, axes, 0.24 * head, 0, 0.17 * head)
  long = 0.055 * size * traits['hair']
  tail = place(origin, axes, -0.14 * head, 0, 0.45 * head - long)
  return [
    hull('shoulders', (base, 0.036 * size + padding.neck), *collar),
    hull('neck', (nape, neck * 1.08), (throat, neck)),
    hull(
      'head',
      (crown, 0.385 * head),
      (back, 0.37 * head),
      (brow, 0.35 * head),
      (chin, 0.17 * head),
    ),
    hull('hair', (back, 0.385 * head), (tail, 0.25 * head)),
  ]


def _leg(skeleton: Joints, body: Body, traits: Traits, side: int) -> list[Hull]:
  size, foot = body.stature, body.foot
  girth, loose = traits['leg_girth'], traits['trousers']
  name = ('left', 'right')[side]
  hip, knee = skeleton.hip[:, side], skeleton.knee[:, side]
  calf, ankle = skeleton.calf[:, side], skeleton.ankle[:, side]
  left, right = (
    (
      skeleton.ball[:, side] + np.array([0, y * 0.07 * foot, 0]),
      BALL_RADIUS * foot,
    )
    for y in (1, -1)
  )
  knee_radius = 0.031 * size * girth + 0.6 * loose
  behind = calf + np.array([-0.006 * size, 0, 0])
  shin = behind, 0.031 * size * girth + 0.9 * loose
  return [
    hull(
      f'{name}_thigh',
      (hip, 0.048 * size * girth + 0.3 * loose),
      (knee, knee_radius),
    ),
    hull(f'{name}_knee', (knee, knee_radius), shin),
    hull(f'{name}_shank', shin, (ankle, 0.021 * size * girth + loose)),
    hull(
      f'{name}_foot',
      (ankle, 0.024 * size),
      (skeleton.heel[:, side], HEEL_RADIUS * foot),
      left,
      right,
    ),
    hull(
      f'{name}_toes', left, right, (skeleton.toe[:, side], TOE_RADIUS * foot)
    ),
  ]


def _arm(
  skeleton: Joints, body: Body, traits: Traits, padding: Padding, side: int
) -> list[Hull]:
  size = body.stature * traits['arm_girth']
  name = ('left', 'right')[side]
  elbow = skeleton.elbow[:, side], 0.023 * size + padding.arm
  wrist = skeleton.wrist[:, side]
  top = skeleton.shoulder[:, side]
  return [
    hull(f'{name}_upper_arm', (top, 0.029 * size + padding.arm), elbow),
    hull(f'{name}_forearm', elbow, (wrist, 0.017 * size + 0.8 * padding.arm)),
    hull(
      f'{name}_hand',
      (wrist, 0.016 * size),
      (skeleton.hand[:, side], 0.018 * body.stature),
    ),
  ]


def clothe(
  skeleton: Joints,
  body: Body,
  traits: Traits,
  padding: Padding | None = None,
) -> list[Hull]:
  """Returns the hulls of a person: 24 parts of 17 segments."""
  padding = padding or Padding()
  parts = _head(skeleton, body, traits, padding)
  parts += _trunk(skeleton, body, traits, padding)
  for side in (0, 1):
    parts += _leg(skeleton, body, traits, side)
    parts += _arm(skeleton, body, traits, padding, side)
  return parts
