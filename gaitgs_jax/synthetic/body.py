"""Segment lengths and girths of a person, as shares of the stature.

Lengths are Drillis and Contini's ("Body Segment Parameters", New York
University Technical Report 1166-03, 1966) as drawn in figure 4.1 of Winter,
"Biomechanics and Motor Control of Human Movement". Half-breadths and radii are
rounded from the breadths, depths and circumferences of Gordon et al., "2012
Anthropometric Survey of U.S. Army Personnel", 2014.
"""

from typing import NamedTuple

from gaitgs_jax.synthetic.traits import Traits

# Lengths over the stature (Drillis and Contini).
ANKLE_HEIGHT = 0.039
SHANK = 0.246
THIGH = 0.245
TRUNK = 0.288  # Hip to shoulder.
LUMBAR = 0.100  # Hip to the joint between pelvis and chest.
NECK = 0.052  # Shoulder to chin.
HEAD = 0.130  # Chin to crown.
UPPER_ARM = 0.186
FOREARM = 0.146
HAND = 0.075  # Loosely closed; 0.108 stretched.
FOOT = 0.152

# Half distances between joint centres.
SHOULDER_HALF = 0.104
HIP_HALF = 0.050
SHOULDER_DROP = 0.030  # From the acromion to the joint.


class Body(NamedTuple):
  """Lengths between the joints, in metres."""

  stature: float
  ankle_height: float
  shank: float
  thigh: float
  lumbar: float
  chest: float
  neck: float
  head: float
  upper_arm: float
  forearm: float
  hand: float
  foot: float
  shoulder_half: float
  shoulder_drop: float
  hip_half: float


def measure(traits: Traits) -> Body:
  """Returns the lengths that a subject's traits give."""
  height = traits['stature']
  leg = (THIGH + SHANK) * height * traits['leg_length']
  thigh = leg * THIGH / (THIGH + SHANK) * traits['thigh_share']
  arm = height * traits['arm_length']
  trunk = height * traits['trunk_length']
  return Body(
    stature=height,
    ankle_height=ANKLE_HEIGHT * height,
    shank=leg - thigh,
    thigh=thigh,
    lumbar=LUMBAR * trunk,
    chest=(TRUNK - LUMBAR) * trunk,
    neck=NECK * height * traits['neck_length'],
    head=HEAD * height * traits['head_size'],
    upper_arm=UPPER_ARM * arm,
    forearm=FOREARM * arm,
    hand=HAND * arm,
    foot=FOOT * height * traits['foot_length'],
    shoulder_half=SHOULDER_HALF * height * traits['shoulder_width'],
    shoulder_drop=SHOULDER_DROP * height * traits['shoulder_slope'],
    hip_half=HIP_HALF * height * traits['hip_width'],
  )
