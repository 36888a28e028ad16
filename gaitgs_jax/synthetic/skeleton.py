"""From joint angles to joint positions.

World axes: x the way the person walks, y to the person's left, z up, in
metres, the ground at z = 0.
"""

from typing import NamedTuple

import numpy as np

from gaitgs_jax.synthetic.body import Body
from gaitgs_jax.synthetic.gait import Angles, angles
from gaitgs_jax.synthetic.traits import Traits

SIDES = np.array([1.0, -1.0])  # Left, right.

# Parts of the foot as (forward, up, radius) over the foot's length, from the
# ankle; the sole lies an ankle height below it.
HEEL_FORWARD = -0.17
BALL_FORWARD = 0.42
TOE_FORWARD = 0.22  # From the ball.
HEEL_RADIUS = 0.135
BALL_RADIUS = 0.115
TOE_RADIUS = 0.08
# Toes stay nearer to the ground than the sole when the heel lifts.
TOE_BEND = 0.45


class Joints(NamedTuple):
  """Joints of every frame: [s, 3], or [s, 2, 3] for left and right.

  Axes are rotations, [s, 3, 3] or [s, 2, 3, 3], whose columns are the
  segment's forward, left and up directions.
  """

  pelvis: np.ndarray
  lumbar: np.ndarray
  neck: np.ndarray
  head: np.ndarray
  pelvis_axes: np.ndarray
  trunk_axes: np.ndarray
  head_axes: np.ndarray
  shoulder: np.ndarray
  elbow: np.ndarray
  wrist: np.ndarray
  hand: np.ndarray
  hip: np.ndarray
  knee: np.ndarray
  calf: np.ndarray
  ankle: np.ndarray
  heel: np.ndarray
  ball: np.ndarray
  toe: np.ndarray


def rotation(
  yaw: np.ndarray, pitch: np.ndarray, roll: np.ndarray
) -> np.ndarray:
  """Returns Rz(yaw) Ry(pitch) Rx(roll), [..., 3, 3], angles in radians."""
  yaw, pitch, roll = np.broadcast_arrays(yaw, pitch, roll)
  cy, sy = np.cos(yaw), np.sin(yaw)
  cp, sp = np.cos(pitch), np.sin(pitch)
  cr, sr = np.cos(roll), np.sin(roll)
  rows = (
    (cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr),
    (sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr),
    (-sp, cp * sr, cp * cr),
  )
  return np.stack([np.stack(row, -1) for row in rows], -2)


def place(
  origin: np.ndarray, axes: np.ndarray, forward: float, left: float, up: float
) -> np.ndarray:
  """Returns the point at an offset in a segment's own axes, [..., 3]."""
  return origin + axes @ np.array([forward, left, up])


def _hang(axes: np.ndarray, angle: np.ndarray, length: float) -> np.ndarray:
  """Returns a bone that hangs from a joint, swung forward by `angle`."""
  zero = np.zeros_like(angle)
  bone = np.stack([np.sin(angle), zero, -np.cos(angle)], -1)
  return length * np.einsum('...ij,...j->...i', axes, bone)


def _leg(
  body: Body, traits: Traits, motion: Angles, hip: np.ndarray
) -> dict[str, np.ndarray]:
  length = body.thigh + body.shank
  spread = (traits['step_width'] / 2 - body.hip_half) / length
  out = np.radians(traits['toe_out']) * SIDES
  axes = rotation(0.3 * out, np.zeros(2), spread * SIDES)
  shank = motion.thigh - motion.knee
  knee = hip + _hang(axes, motion.thigh, body.thigh)
  knee = knee + traits['knee_gap'] * SIDES[:, None] * np.array([0, 1, 0])
  calf = knee + _hang(axes, shank, 0.3 * body.shank)
  ankle = knee + _hang(axes, shank, body.shank)
  foot = rotation(out, -motion.foot, np.zeros(2))
  size, sole = body.foot, body.ankle_height
  heel = place(ankle, foot, HEEL_FORWARD * size, 0, HEEL_RADIUS * size - sole)
  ball = place(ankle, foot, BALL_FORWARD * size, 0, BALL_RADIUS * size - sole)
  bent = np.where(motion.foot < 0, TOE_BEND, 1.0) * motion.foot
  drop = (TOE_RADIUS - BALL_RADIUS) * size
  toe = place(
    ball, rotation(out, -bent, np.zeros(2)), TOE_FORWARD * size, 0, drop
  )
  return dict(
    hip=hip, knee=knee, calf=calf, ankle=ankle, heel=heel, ball=ball, toe=toe
  )


def _arm(
  body: Body,
  traits: Traits,
  motion: Angles,
  shoulder: np.ndarray,
  trunk: np.ndarray,
) -> dict[str, np.ndarray]:
  spread = np.radians(traits['arm_spread']) * SIDES
  inward = -np.radians(traits['forearm_inward']) * SIDES
  zero = np.zeros(2)
  # Arms hang from a shoulder girdle that keeps upright as the trunk leans.
  heading = np.arctan2(trunk[:, 1, 0], trunk[:, 0, 0])[:, None]
  upper = rotation(heading, zero, spread)
  lower = rotation(heading + inward, zero, 0.6 * spread)
  elbow = shoulder + _hang(upper, motion.shoulder, body.upper_arm)
  bent = motion.shoulder + motion.elbow
  wrist = elbow + _hang(lower, bent, body.forearm)
  hand = wrist + _hang(lower, bent + 0.1, body.hand)
  return dict(shoulder=shoulder, elbow=elbow, wrist=wrist, hand=hand)


def _from_pelvis(body: Body, traits: Traits, motion: Angles) -> Joints:
  """Returns the skeleton with the pelvis at the origin of every frame."""
  pelvis = np.zeros((*motion.sway.shape, 3))
  flat = np.zeros_like(motion.sway)
  pelvis_axes = rotation(motion.pelvis_yaw, flat, motion.pelvis_roll)
  trunk_axes = rotation(motion.trunk_yaw, motion.trunk_pitch, motion.trunk_roll)
  head_axes = rotation(0.2 * motion.trunk_yaw, motion.head_pitch, flat)
  lumbar = place(pelvis, pelvis_axes, 0, 0, body.lumbar)
  hunch = traits['hunch']
  neck = place(lumbar, trunk_axes, hunch, 0, body.chest)
  head = place(neck, head_axes, 0.012 + hunch, 0, body.neck)
  girdle = place(neck, trunk_axes, hunch, 0, -body.shoulder_drop)
  across = trunk_axes[..., 1][:, None] * SIDES[:, None] * body.shoulder_half
  hips = pelvis_axes[..., 1][:, None] * SIDES[:, None] * body.hip_half
  return Joints(
    pelvis=pelvis,
    lumbar=lumbar,
    neck=neck,
    head=head,
    pelvis_axes=pelvis_axes,
    trunk_axes=trunk_axes,
    head_axes=head_axes,
    **_leg(body, traits, motion, hips),
    **_arm(body, traits, motion, girdle[:, None] + across, trunk_axes),
  )


def _ground(skeleton: Joints, foot: float) -> np.ndarray:
  """Returns how far the lowest sole lies under the pelvis, [s]."""
  parts = (skeleton.heel, HEEL_RADIUS), (skeleton.ball, BALL_RADIUS)
  soles = [joint[..., 2] - radius * foot for joint, radius in parts]
  return -np.concatenate(soles, -1).min(-1)


def stride_length(body: Body, traits: Traits) -> float:
  """Returns the metres walked in one cycle without the feet sliding.

  While the sole is flat the ankle stands still, so the body moves on by as
  much as the ankle moves back under it.
  """
  share = np.linspace(0.12, 0.40, 15)
  motion = angles(traits, 2 * np.pi * share)
  skeleton = _from_pelvis(body, traits, motion)
  slope = np.polyfit(share, skeleton.ankle[:, 0, 0], 1)[0]
  return float(-slope)


def pose(
  body: Body, traits: Traits, motion: Angles, forward: np.ndarray
) -> Joints:
  """Returns the joints of a walk on the ground.

  Args:
    body: lengths.
    traits: of the walk.
    motion: joint angles of s frames.
    forward: [s] metres that the pelvis has come along x.
  """
  skeleton = _from_pelvis(body, traits, motion)
  height = _ground(skeleton, body.foot)
  height = height.mean() + traits['bob'] * (height - height.mean())
  shift = np.stack([forward, motion.sway, height], -1)
  moved = {}
  for name, value in skeleton._asdict().items():
    if not name.endswith('_axes'):
      value = value + (shift if value.ndim == 2 else shift[:, None])
    moved[name] = value
  return Joints(**moved)
