import numpy as np

from gaitgs_jax.synthetic.body import measure
from gaitgs_jax.synthetic.clothing import (
  BAGS,
  Outfit,
  add_outfit,
  draw_outfit,
  hold,
)
from gaitgs_jax.synthetic.flesh import Padding, clothe
from gaitgs_jax.synthetic.gait import angles
from gaitgs_jax.synthetic.skeleton import pose
from gaitgs_jax.synthetic.traits import TRAITS

MEAN = {name: row.mean for name, row in TRAITS.items()}
BODY = measure(MEAN)
PHASE = np.linspace(0, 2 * np.pi, 12)
SKELETON = pose(BODY, MEAN, angles(MEAN, PHASE), np.zeros(12))


def _inside(parts, points):
  """Tells which points [s, 3] some hull's own spheres or axes cover."""
  covered = np.zeros(len(points), bool)
  for part in parts:
    count = len(part.radii)
    for i in range(count):
      for j in range(i, count):
        for share in np.linspace(0, 1, 9):
          centre = (1 - share) * part.centres[:, i]
          centre = centre + share * part.centres[:, j]
          radius = (1 - share) * part.radii[i] + share * part.radii[j]
          covered |= np.linalg.norm(points - centre, axis=-1) < radius
  return covered


def test_a_person_has_the_named_segments():
  names = {part.name for part in clothe(SKELETON, BODY, MEAN)}
  limbs = ('upper_arm', 'forearm', 'hand', 'thigh', 'shank', 'foot')
  wanted = {f'{side}_{limb}' for side in ('left', 'right') for limb in limbs}
  wanted |= {'head', 'neck', 'upper_torso', 'lower_torso', 'pelvis'}
  assert len(wanted) >= 15
  assert wanted <= names


def test_proportions_are_a_persons():
  joints = SKELETON
  height = BODY.stature
  leg = (joints.hip[..., 2].mean() - 0) / height
  assert 0.48 < leg < 0.56
  knee = joints.knee[..., 2].max() / height
  assert 0.26 < knee < 0.33
  assert joints.wrist[..., 2].min() > joints.knee[..., 2].max()
  assert (joints.head[:, 2] > joints.neck[:, 2]).all()


def test_a_coat_covers_hips_and_thighs():
  between = SKELETON.hip.mean(1)
  between = between + 0.4 * (SKELETON.knee.mean(1) - between)
  bare = clothe(SKELETON, BODY, MEAN)
  coat = Outfit(padding=Padding(0.03, 0.02, 0.02), hem=0.8, flare=0.04)
  dressed = clothe(SKELETON, BODY, MEAN, coat.padding)
  dressed = add_outfit(dressed, coat, SKELETON, BODY, MEAN)
  assert _inside(dressed, between).all()
  for side in (0, 1):
    assert _inside(dressed, SKELETON.hip[:, side]).all()
  assert len(dressed) > len(bare)


def test_a_coat_widens_trunk_and_arms():
  bare = clothe(SKELETON, BODY, MEAN)
  dressed = clothe(SKELETON, BODY, MEAN, Padding(0.03, 0.02, 0.01))
  wider = {
    a.name
    for a, b in zip(bare, dressed, strict=True)
    if (b.radii > a.radii).any()
  }
  assert {'upper_torso', 'pelvis', 'left_upper_arm', 'neck'} <= wider
  assert not wider & {'left_thigh', 'right_foot', 'head'}


def test_every_bag_adds_to_the_body_where_it_is_carried():
  body = clothe(SKELETON, BODY, MEAN)
  for bag in BAGS:
    outfit = Outfit(bag=bag, side=0)
    extra = add_outfit(body, outfit, SKELETON, BODY, MEAN)[len(body) :]
    centre = extra[0].centres.mean((0, 1)) - SKELETON.pelvis.mean(0)
    assert extra[0].name == bag
    if bag == 'backpack':
      assert centre[0] < -0.08 and centre[2] > 0.1
    elif bag == 'hand_bag':
      assert centre[1] > 0.1 and centre[2] < -0.1
    else:
      assert centre[1] > 0.1 and abs(centre[2]) < 0.2
    outer = extra[0].centres.reshape(-1, 3)
    steps = len(outer) // len(PHASE)
    free = [~_inside(body, part) for part in extra[0].centres.swapaxes(0, 1)]
    assert steps == 4
    assert np.mean(free) > 0.25


def test_outfits_follow_the_condition():
  generator = np.random.default_rng(0)
  assert draw_outfit('nm-03', generator) == Outfit()
  bags = {draw_outfit('bg-01', generator).bag for _ in range(40)}
  assert bags == set(BAGS)
  coats = [draw_outfit('cl-02', generator) for _ in range(10)]
  assert all(coat.hem > 0 and not coat.bag for coat in coats)
  assert all(max(coat.damping) < 1 for coat in coats)


def test_loads_shift_the_posture_and_leave_the_subject_alone():
  before = dict(MEAN)
  held = hold(MEAN, Outfit(posture=(('lean', 2.0), ('lean', 1.0))))
  assert held['lean'] == MEAN['lean'] + 3.0
  assert before == MEAN
  assert hold(MEAN, Outfit()) == MEAN
