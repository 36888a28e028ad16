import numpy as np
import pytest

from gaitgs_jax.synthetic import gait
from gaitgs_jax.synthetic.body import measure
from gaitgs_jax.synthetic.skeleton import pose, stride_length
from gaitgs_jax.synthetic.traits import TRAITS, draw_subject, vary

MEAN = {name: row.mean for name, row in TRAITS.items()}
PHASE = np.linspace(0, 2 * np.pi, 100, endpoint=False)


def _walk(traits=MEAN, phase=PHASE):
  body = measure(traits)
  forward = stride_length(body, traits) * phase / (2 * np.pi)
  return body, pose(body, traits, gait.angles(traits, phase), forward)


@pytest.mark.parametrize('curve', [gait.THIGH, gait.KNEE, gait.ANKLE])
def test_the_series_follow_the_published_samples(curve):
  phase = 2 * np.pi * np.arange(20) / 20
  assert np.abs(gait.series(curve, phase) - curve).max() < 2.5


def test_angles_repeat_after_one_cycle():
  first = gait.angles(MEAN, PHASE)
  second = gait.angles(MEAN, PHASE + 2 * np.pi)
  for a, b in zip(first, second, strict=True):
    np.testing.assert_allclose(a, b, atol=1e-9)


def test_legs_are_in_antiphase_and_arms_oppose_their_leg():
  traits = MEAN | {'leg_asymmetry': 0.0, 'arm_asymmetry': 0.0}
  motion = gait.angles(traits, PHASE)
  half = len(PHASE) // 2
  for name in ('thigh', 'knee', 'foot', 'shoulder', 'elbow'):
    curve = getattr(motion, name)
    np.testing.assert_allclose(
      curve[:, 0], np.roll(curve[:, 1], half), atol=1e-9
    )
  for side in (0, 1):
    both = np.corrcoef(motion.thigh[:, side], motion.shoulder[:, side])
    assert both[0, 1] < -0.7


def test_knees_and_elbows_bend_the_right_way():
  for subject in range(20):
    traits = draw_subject(np.random.default_rng(subject))
    motion = gait.angles(traits, PHASE)
    assert motion.knee.min() >= 0
    assert motion.elbow.min() > 0
    assert 45 < np.degrees(motion.knee.max()) < 90


def test_the_heel_strikes_first_and_the_toe_leaves_last():
  _, skeleton = _walk()
  sole = skeleton.ankle[:, 0, 2] - skeleton.ankle[:, 0, 2].min()
  toe, heel = skeleton.toe[:, 0, 2], skeleton.heel[:, 0, 2]
  assert toe[0] - heel[0] > 0.03  # Contact: toes up.
  assert heel[55] - toe[55] > 0.05  # Push-off: heel up.
  assert sole[70] > 0.08  # Swing: the foot is clear of the ground.


def test_feet_point_forward_and_the_standing_foot_stands_still():
  body, skeleton = _walk()
  assert ((skeleton.ball - skeleton.heel)[..., 0].mean(0) > 0.1).all()
  standing = skeleton.ankle[14:38, 0, 0]
  assert np.ptp(standing) < 0.05
  assert 1.0 < stride_length(body, MEAN) < 1.6


def test_nobody_floats_or_sinks():
  body, skeleton = _walk()
  lowest = np.minimum(
    skeleton.heel[..., 2].min(1) - 0.135 * body.foot,
    skeleton.ball[..., 2].min(1) - 0.115 * body.foot,
  )
  assert np.abs(lowest).max() < 0.01


def test_bones_keep_their_length():
  body, skeleton = _walk(MEAN | {'knee_gap': 0.0})
  bones = [
    (skeleton.hip, skeleton.knee, body.thigh),
    (skeleton.knee, skeleton.ankle, body.shank),
    (skeleton.shoulder, skeleton.elbow, body.upper_arm),
    (skeleton.elbow, skeleton.wrist, body.forearm),
  ]
  for start, end, length in bones:
    np.testing.assert_allclose(
      np.linalg.norm(end - start, axis=-1), length, rtol=1e-9
    )


def test_stature_is_what_the_proportions_add_up_to():
  body, skeleton = _walk()
  crown = skeleton.head[:, 2] + body.head
  assert abs(crown.mean() - body.stature) < 0.05 * body.stature


def test_walks_of_one_subject_differ_less_than_subjects():
  walks, subjects = [], []
  for i in range(60):
    subjects.append(list(draw_subject(np.random.default_rng(i)).values()))
    walks.append(list(vary(MEAN, np.random.default_rng(i)).values()))
  between, within = np.std(subjects, 0), np.std(walks, 0)
  assert (between > 0).all()
  assert (within < 0.7 * between).all()
