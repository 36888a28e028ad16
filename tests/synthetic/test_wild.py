"""Walkers as cameras in the streets see them."""

import hashlib

import numpy as np
import pytest

from gaitgs_jax.errors import UserError
from gaitgs_jax.input.pretreatment import pretreat
from gaitgs_jax.synthetic import wild, wild_keypoints, wild_traits, wild_walk
from gaitgs_jax.synthetic.keypoints import swap_legs


def _digest(walk):
  parts = walk.silhouettes.tobytes(), walk.keypoints.tobytes()
  return [hashlib.sha256(each).hexdigest() for each in parts]


def test_a_walk_depends_on_its_arguments_alone():
  walk = wild_walk(0, 3, 'bg-01', '054', frames=8)
  assert walk.silhouettes.shape == (8, 224, 224)
  assert set(np.unique(walk.silhouettes)) == {0, 255}
  assert _digest(wild_walk(0, 3, 'bg-01', '054', frames=8)) == _digest(walk)
  np.testing.assert_array_equal(
    wild_keypoints(0, 3, 'bg-01', '054', frames=8), walk.keypoints
  )
  for other in (
    wild_walk(1, 3, 'bg-01', '054', frames=8),
    wild_walk(0, 4, 'bg-01', '054', frames=8),
    wild_walk(0, 3, 'nm-01', '054', frames=8),
    wild_walk(0, 3, 'bg-01', '090', frames=8),
  ):
    assert not {*_digest(other)} & {*_digest(walk)}


def test_every_walk_shows_one_person_of_the_drawn_height():
  low, high = wild_traits.HEIGHT
  for number in range(6):
    condition = ('nm-01', 'bg-01', 'cl-01')[number % 3]
    view = ('018', '090', '162')[number % 3]
    walk = wild_walk(7, number, condition, view, frames=3)
    rows = walk.silhouettes.any(2)
    tall = rows.sum(1)
    # Whole people, but for feet and heads that are cut off and what is added.
    assert 0.6 * low < tall.min() and tall.max() < 1.4 * high
    assert len(pretreat(walk.silhouettes)) == 3
    assert np.isfinite(walk.keypoints).all()


def test_usual_clothes_are_worn_but_under_cl():
  person = wild.draw_person(0, 5)
  clothes = {
    condition: wild._draw_walk(person, condition, np.random.default_rng(1))[1]
    for condition in ('nm-01', 'bg-01', 'cl-01')
  }
  assert clothes['nm-01'] == clothes['bg-01'] == person.clothes
  assert clothes['cl-01'] != person.clothes


def test_all_cameras_of_a_person_are_on_one_side():
  sides = [
    {
      np.sign(wild._shoot(0, person, 'nm-01', view, 1).camera.position[1])
      for view in ('054', '126')
    }
    for person in range(6)
  ]
  assert {len(each) for each in sides} == {1}
  assert set.union(*sides) == {-1, 1}


def test_all_of_a_street_walk_before_one_camera():
  def camera(person, view='054', street=True):
    shot = wild._shoot(0, person, 'nm-01', view, 2, street)
    x, y, z = shot.camera.position
    angle = np.degrees(np.arctan2(abs(y), x))
    up = np.arctan2(z - shot.body.stature / 2, np.hypot(x, y))
    return angle, up

  angles, ups = np.transpose([camera(person) for person in range(12)])
  np.testing.assert_allclose(ups, ups[0])
  assert 4 < np.ptp(angles) < 2 * wild_traits.TURNED
  assert abs(camera(0, '072')[1] - ups[0]) > 1e-3
  assert abs(camera(0, street=False)[1] - ups[0]) > 1e-3


def test_nobody_walks_into_the_camera_on_a_long_way():
  for person in range(12):
    shot = wild._shoot(0, person, 'nm-01', ('018', '162')[person % 2], 200)
    pelvis = shot.skeleton.pelvis
    apart = np.linalg.norm(pelvis - shot.camera.position, axis=1)
    middle = apart[len(apart) // 2]
    assert 0.6 * middle < apart.min() and apart.max() < 1.4 * middle


def test_a_bag_is_carried_under_bg_by_everybody():
  bags = [
    wild._draw_walk(wild.draw_person(0, each), 'bg-01', np.random.default_rng())
    for each in range(8)
  ]
  assert all(bag.bag for _, _, bag in bags)


def test_a_bent_path_keeps_bones_and_its_length():
  skeleton, forward = _straight()
  bent = wild._walked(skeleton, forward, 0.4)
  for one, other in (('hip', 'knee'), ('shoulder', 'elbow'), ('knee', 'ankle')):
    lengths = [
      np.linalg.norm(getattr(each, one) - getattr(each, other), axis=-1)
      for each in (skeleton, bent)
    ]
    np.testing.assert_allclose(*lengths, atol=1e-12)
  steps = np.linalg.norm(np.diff(bent.pelvis[:, :2], axis=0), axis=-1)
  apart = np.linalg.norm(np.diff(skeleton.pelvis[:, :2], axis=0), axis=-1)
  np.testing.assert_allclose(steps, apart, rtol=0.02)
  heading = np.arctan2(bent.pelvis_axes[:, 1, 0], bent.pelvis_axes[:, 0, 0])
  straight = np.arctan2(
    skeleton.pelvis_axes[:, 1, 0], skeleton.pelvis_axes[:, 0, 0]
  )
  np.testing.assert_allclose(heading - straight, 0.4 * forward, atol=1e-12)


def _straight():
  shot = wild._shoot(0, 0, 'nm-01', '090', 9)
  forward = np.linspace(-1, 1, 9)
  traits = wild.draw_person(0, 0).traits
  motion = wild.angles(traits, np.linspace(0, 6, 9))
  return wild.pose(shot.body, traits, motion, forward), forward


def test_swapped_legs():
  keypoints = np.arange(2 * 17 * 3.0).reshape(2, 17, 3)
  found = swap_legs(keypoints, np.array([False, True]))
  np.testing.assert_array_equal(found[0], keypoints[0])
  np.testing.assert_array_equal(found[1, :11], keypoints[1, :11])
  np.testing.assert_array_equal(found[1, [12, 14, 16]], keypoints[1, 11::2])


@pytest.mark.parametrize('frames', [0, wild.MAX_FRAMES + 1])
def test_a_wrong_number_of_frames(frames):
  with pytest.raises(UserError, match=f'1..200, not {frames}'):
    wild_walk(0, 0, 'nm-01', '090', frames=frames)
