"""Joint angles of walking, as low-order Fourier series over the gait cycle.

The mean curves are normal adult gait at a free speed, rounded to the degree
and sampled every 5 % of the cycle from heel contact: the range and timing of
hip, knee and ankle in Winter, "The Biomechanics and Motor Control of Human
Gait", 1991, and Perry, "Gait Analysis: Normal and Pathological Function",
1992; shoulder and elbow in Murray, Sepic and Barnard, "Patterns of sagittal
rotation of the upper limbs in walking", Physical Therapy 47, 1967; pelvis and
trunk in Perry. A subject scales, shifts and delays them.
"""

from typing import NamedTuple

import numpy as np

from gaitgs_jax.synthetic.traits import Traits

# Degrees at 0, 5, ..., 95 % of the cycle. The thigh is measured against the
# vertical (hip angle less the pelvis' forward tilt), forward positive.
# fmt: off
THIGH = (22, 21, 19, 15, 10, 5, -1, -6, -10, -14,
         -18, -19, -14, -4, 8, 16, 21, 24, 24, 23)
KNEE = (5, 11, 17, 19, 17, 13, 9, 7, 6, 7,
        12, 22, 37, 51, 59, 58, 49, 34, 17, 6)
ANKLE = (0, -5, -3, 1, 4, 6, 8, 10, 12, 12,
         9, 0, -12, -18, -12, -4, 1, 3, 3, 2)
# fmt: on
HARMONICS = 6

# Share of the cycle in which the sole lies on the ground.
FLAT_FROM = 0.09
FLAT_TO = 0.38

SHOULDER_MEAN = -8.0
SHOULDER_SWING = 16.0
ELBOW_MEAN = 25.0
ELBOW_SWING = 10.0


class Angles(NamedTuple):
  """Angles in radians: [s, 2] (left, right) for limbs, [s] for the trunk.

  Limb angles are absolute in the sagittal plane, forward positive, except
  `knee` and `elbow`, which are flexions.
  """

  thigh: np.ndarray
  knee: np.ndarray
  foot: np.ndarray
  shoulder: np.ndarray
  elbow: np.ndarray
  pelvis_yaw: np.ndarray
  pelvis_roll: np.ndarray
  trunk_yaw: np.ndarray
  trunk_roll: np.ndarray
  trunk_pitch: np.ndarray
  head_pitch: np.ndarray
  sway: np.ndarray


def series(samples: tuple[float, ...], phase: np.ndarray) -> np.ndarray:
  """Evaluates the truncated Fourier series of equally spaced samples.

  Args:
    samples: one period of a curve.
    phase: [...] in radians.
  """
  coefficients = np.fft.rfft(samples)[: HARMONICS + 1] / len(samples)
  coefficients[1:] *= 2
  orders = np.arange(HARMONICS + 1)
  waves = np.exp(1j * orders * phase[..., None])
  return (waves @ coefficients).real


def _scaled(
  samples: tuple[float, ...], phase: np.ndarray, gain: np.ndarray
) -> np.ndarray:
  mean = float(np.mean(samples))
  return mean + gain * (series(samples, phase) - mean)


def _flat(phase: np.ndarray) -> np.ndarray:
  """Returns 1 where the sole lies on the ground, 0 in swing, smooth between."""
  share = (phase / (2 * np.pi)) % 1.0
  middle, half = (FLAT_FROM + FLAT_TO) / 2, (FLAT_TO - FLAT_FROM) / 2
  return np.clip(1.5 - np.abs(share - middle) / half, 0.0, 1.0)


def _legs(traits: Traits, phase: np.ndarray, gain: np.ndarray) -> tuple:
  side = np.array([1.0, -1.0])
  gain = gain * (1 + traits['leg_asymmetry'] * side)
  thigh = _scaled(THIGH, phase, traits['thigh_swing'] * gain)
  thigh = thigh + traits['thigh_offset']
  delayed = phase - np.radians(traits['knee_phase'])
  knee = _scaled(KNEE, delayed, traits['knee_swing'] * gain)
  knee = np.maximum(knee + traits['knee_offset'], 0.0)
  ankle = _scaled(ANKLE, phase, traits['ankle_swing'] * gain)
  foot = thigh - knee + ankle
  return thigh, knee, foot * (1 - _flat(phase))


def _arms(
  traits: Traits,
  phase: np.ndarray,
  gain: np.ndarray,
  damping: tuple[float, float],
) -> tuple:
  side = np.array([1.0, -1.0])
  gain = gain * traits['arm_swing'] * (1 + traits['arm_asymmetry'] * side)
  gain = gain * np.array(damping)
  # An arm is back when the leg of its own side strikes the ground.
  delayed = phase - np.radians(traits['arm_phase'])
  shoulder = SHOULDER_MEAN + traits['arm_offset']
  shoulder = shoulder - SHOULDER_SWING * gain * np.cos(delayed)
  bend = ELBOW_SWING * traits['elbow_swing'] * gain
  elbow = ELBOW_MEAN + traits['elbow_offset']
  elbow = elbow - bend * (np.cos(delayed) - 0.2 * np.cos(2 * delayed))
  return shoulder, np.maximum(elbow, 3.0)


def _trunk(
  traits: Traits, phase: np.ndarray, gain: np.ndarray
) -> dict[str, np.ndarray]:
  swing = gain * np.cos(phase)
  # The pelvis drops on the swinging side early in the stance of the other.
  drop = gain * np.cos(phase - 0.3 * np.pi)
  pitch = traits['lean'] + traits['nod'] * np.cos(2 * phase - 0.3 * np.pi)
  return {
    'pelvis_yaw': np.radians(-traits['pelvis_yaw'] * swing),
    'pelvis_roll': np.radians(traits['pelvis_roll'] * drop),
    'trunk_yaw': np.radians(traits['trunk_yaw'] * swing),
    'trunk_roll': np.radians(-traits['trunk_roll'] * drop),
    'trunk_pitch': np.radians(pitch),
    'head_pitch': np.radians(traits['head_pitch'] + 0.3 * pitch),
    'sway': traits['sway'] * np.cos(phase - 0.6 * np.pi),
  }


def angles(
  traits: Traits,
  phase: np.ndarray,
  gain: np.ndarray | None = None,
  damping: tuple[float, float] = (1.0, 1.0),
) -> Angles:
  """Returns all joint angles of a walk.

  Args:
    traits: of the walk, see `traits.TRAITS`.
    phase: [s] radians, 0 at the left heel's contact.
    gain: [s] factor on all amplitudes (1 where None).
    damping: factor on the swing of the left and the right arm.
  """
  gain = np.ones_like(phase) if gain is None else gain
  both = np.stack([phase, phase + np.pi], -1)
  thigh, knee, foot = _legs(traits, both, gain[:, None])
  shoulder, elbow = _arms(traits, both, gain[:, None], damping)
  return Angles(
    thigh=np.radians(thigh),
    knee=np.radians(knee),
    foot=np.radians(foot),
    shoulder=np.radians(shoulder),
    elbow=np.radians(elbow),
    **_trunk(traits, phase, gain),
  )
