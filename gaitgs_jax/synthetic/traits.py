"""How much people differ, and how much one person's walks differ.

Every number that sets the difficulty of the synthetic walkers stands in this
file. `TRAITS` has one row per trait: its mean, its standard deviation between
subjects and its (smaller) standard deviation between two walks of one subject.
The second half sets the strength of what hides the subject: clothes, bags,
cameras and the segmenter's faults. Lengths are in metres, angles in degrees,
factors without unit multiply a published mean (see `body` and `gait`).

The spreads of the body follow adult populations (coefficients of variation of
4 to 12 % in Gordon et al., "2012 Anthropometric Survey of U.S. Army Personnel",
2014); the spreads of the gait are about those that Winter, "The Biomechanics
and Motor Control of Human Gait", 1991, and Perry, "Gait Analysis", 1992, print
as bands around the mean, a little wider where a walking style is a habit.
"""

from typing import NamedTuple

import numpy as np

# One person's traits by name.
Traits = dict[str, float]


class Trait(NamedTuple):
  """One trait's distribution over subjects and over one subject's walks."""

  mean: float
  between: float
  within: float = 0.0
  low: float = -np.inf
  high: float = np.inf


TRAITS = {
  # Body.
  'stature': Trait(1.70, 0.085, 0.0),
  'leg_length': Trait(1.0, 0.025),
  'thigh_share': Trait(1.0, 0.02),
  'trunk_length': Trait(1.0, 0.032),
  'neck_length': Trait(1.0, 0.14),
  'arm_length': Trait(1.0, 0.03),
  'foot_length': Trait(1.0, 0.045),
  'head_size': Trait(1.0, 0.045),
  'shoulder_width': Trait(1.0, 0.062, 0.01),
  'shoulder_slope': Trait(1.0, 0.22, 0.05),
  'hip_width': Trait(1.0, 0.068, 0.01),
  'chest_girth': Trait(1.0, 0.07, 0.02),
  'waist_girth': Trait(1.0, 0.09, 0.025),
  'arm_girth': Trait(1.0, 0.09, 0.03),
  'leg_girth': Trait(1.0, 0.08, 0.02),
  'belly': Trait(0.02, 0.02, 0.005, low=0.0),
  'buttocks': Trait(0.012, 0.008, 0.002, low=-0.01),
  'hunch': Trait(0.0, 0.012, 0.004),
  'knee_gap': Trait(0.004, 0.010, 0.003),
  'hair': Trait(0.3, 0.4, 0.08, low=0.0),
  'trousers': Trait(0.012, 0.007, 0.004, low=0.002),
  # Gait: time.
  'cadence': Trait(0.92, 0.06, 0.03, low=0.75),
  # Gait: legs.
  'thigh_swing': Trait(1.06, 0.09, 0.04, low=0.75),
  'thigh_offset': Trait(0.0, 2.0, 0.8),
  'knee_swing': Trait(1.0, 0.08, 0.03),
  'knee_offset': Trait(0.0, 3.0, 1.0, low=-4.0),
  'ankle_swing': Trait(1.0, 0.15, 0.06),
  'knee_phase': Trait(0.0, 4.0, 1.5),
  'toe_out': Trait(7.0, 6.0, 2.0),
  'step_width': Trait(0.095, 0.035, 0.012, low=0.0),
  'leg_asymmetry': Trait(0.0, 0.04, 0.015),
  # Gait: trunk and head.
  'lean': Trait(3.0, 2.8, 1.6),
  'nod': Trait(1.5, 1.0, 0.4),
  'bob': Trait(1.0, 0.3, 0.1, low=0.2),
  'sway': Trait(0.02, 0.010, 0.004, low=0.0),
  'pelvis_yaw': Trait(5.0, 2.2, 0.8, low=0.0),
  'pelvis_roll': Trait(4.0, 1.6, 0.7, low=0.0),
  'trunk_yaw': Trait(5.0, 3.0, 1.0, low=0.0),
  'trunk_roll': Trait(1.5, 1.2, 0.5, low=0.0),
  'head_pitch': Trait(4.0, 5.5, 3.0),
  # Gait: arms.
  'arm_swing': Trait(1.0, 0.35, 0.18, low=0.1),
  'arm_offset': Trait(0.0, 5.0, 1.8),
  'arm_phase': Trait(0.0, 10.0, 4.0),
  'arm_asymmetry': Trait(0.0, 0.16, 0.06),
  'arm_spread': Trait(10.5, 3.5, 1.2, low=1.0),
  'elbow_offset': Trait(0.0, 9.0, 3.0, low=-14.0),
  'elbow_swing': Trait(1.0, 0.35, 0.15, low=0.0),
  'forearm_inward': Trait(12.0, 10.0, 3.5),
}

# Factors on all deviations: the quickest way to make people easier or harder
# to tell apart.
BETWEEN = 1.0
WITHIN = 1.0

# Nobody lies further out than this many standard deviations.
LIMIT = 2.2

# Walks. A path stays within +-PATH_HALF metres of its middle, so that all
# cameras see the whole person.
FRAMES_PER_SECOND = 25.0
PATH_HALF = 2.2
PATH_LENGTH = (2.6, 4.4)
FRAME_COUNTS = (40, 110)
HEADING_SD = 4.0
PHASE_WANDER = 0.06
AMPLITUDE_WANDER = 0.02

# Cameras, as CASIA-B's: one per 18 degrees, all at about one distance.
CAMERA_DISTANCE = (6.2, 0.25)
CAMERA_HEIGHT = (1.45, 0.20)
CAMERA_AIM_SD = 0.05
CAMERA_ROLL_SD = 0.4
CAMERA_FOCAL = 350.0 / 240.0

# Bags.
BAG_ARM_DAMPING = (0.2, 0.6)
BACKPACK_LEAN = (1.0, 4.0)
BAG_SIZE = (0.85, 1.2)

# Coats.
COAT_ARM_DAMPING = (0.3, 0.8)
COAT_ARM_SPREAD = (1.0, 5.0)
COAT_TRUNK = (0.020, 0.045)
COAT_SLEEVE = (0.010, 0.030)
COAT_HEM = (0.4, 1.05)
COAT_FLARE = (0.030, 0.065)
COAT_HOOD = 0.4
COAT_POCKETS = 0.3

# The segmenter. Rates are per frame, radii are shares of the person's height.
RAGGED = (0.03, 0.13)
BORDER = (-0.25, 0.25)
HOLE_RATE = (0.0, 0.25)
HOLE_RADIUS = (0.015, 0.04)
BLOB_EPISODES = 1.0
BLOB_FRAMES = (3, 10)
BLOB_RADIUS = (0.025, 0.06)
DROP_RATE = 0.03

# The detector of keypoints. Deviations are shares of the person's height.
KEYPOINT_NOISE = 0.008
KEYPOINT_NOISE_HIDDEN = 0.022
KEYPOINT_MISSING = 0.005
KEYPOINT_MISSING_HIDDEN = 0.12


def draw_subject(generator: np.random.Generator) -> Traits:
  """Returns one subject's own traits."""
  means = {name: row.mean for name, row in TRAITS.items()}
  return _deviate(
    means, [BETWEEN * row.between for row in TRAITS.values()], generator
  )


def vary(traits: Traits, generator: np.random.Generator) -> Traits:
  """Returns the traits as one walk shows them."""
  return _deviate(
    traits, [WITHIN * row.within for row in TRAITS.values()], generator
  )


def _deviate(
  means: Traits, spreads: list[float], generator: np.random.Generator
) -> Traits:
  noise = generator.standard_normal(len(TRAITS)).clip(-LIMIT, LIMIT)
  return {
    name: float(np.clip(means[name] + spread * z, row.low, row.high))
    for (name, row), spread, z in zip(
      TRAITS.items(), spreads, noise, strict=True
    )
  }
