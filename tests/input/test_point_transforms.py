import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gaitgs_jax.input import augment, point_transforms

RNG = np.random.default_rng(0)
KEY = jax.random.key(1)
# 32 walks of 3 frames of 50 points, the last frame padding.
X = jnp.asarray(RNG.normal(2, 1, (32, 3, 50, 3)), jnp.float32)
MASK = jnp.broadcast_to(jnp.array([True, True, False]), (32, 3))


def apply(*chosen, x=X):
  change = augment.create(chosen, modalities=('points',))
  return np.asarray(change(x, MASK, KEY)[0])


def one(name, **options):
  return np.asarray(apply({'name': name, 'probability': 1.0} | options))[:, :2]


def test_heights_are_above_the_lowest_point_and_stay():
  y = apply(
    dict(name='heights'),
    dict(name='unit_sphere'),
    dict(name='point_scale', probability=1.0),
    dict(name='point_dropout', probability=1.0),
  )[:, :2]
  z = np.asarray(X[:, :2, :, 2])
  expected = z - z.min(axis=2, keepdims=True)
  np.testing.assert_allclose(y[..., 3], expected, atol=1e-6)


def test_frames_fit_into_the_unit_sphere():
  y = apply(dict(name='unit_sphere'))[:, :2]
  np.testing.assert_allclose(y.mean(axis=2), 0, atol=1e-5)
  longest = np.linalg.norm(y, axis=-1).max(axis=2)
  np.testing.assert_allclose(longest, 1, rtol=1e-5)
  same = point_transforms.unit_sphere(jnp.ones((2, 4, 3)))
  assert not same.any()


def test_flip_turns_y_around():
  expected = np.asarray(X[:, :2]) * np.float32([1, -1, 1])
  np.testing.assert_array_equal(one('horizontal_flip'), expected)


def test_points_move_within_their_reach():
  moved = one('point_shift', reach=0.3) - X[:, :2]
  assert 0.29 < np.abs(moved).max() <= 0.3001
  assert moved.std() == pytest.approx(0.3 / np.sqrt(3), rel=0.05)
  moved = one('point_jitter') - X[:, :2]
  assert moved.std() == pytest.approx(0.01, rel=0.05)
  assert np.abs(one('point_jitter', scale=1.0) - X[:, :2]).max() < 0.0501


def test_each_frame_has_a_size_of_its_own():
  factors = one('point_scale') / X[:, :2]
  assert np.ptp(factors, axis=(2, 3)).max() < 1e-4
  assert 0.8 <= factors.min() < 0.85 and 1.2 < factors.max() <= 1.2501
  assert (np.ptp(factors[..., 0, 0], axis=1) > 1e-3).all()


def test_dropped_points_are_where_the_first_is():
  y = one('point_dropout')
  dropped = (y != X[:, :2]).any(axis=-1)
  first = np.broadcast_to(np.asarray(X[:, :2, :1]), y.shape)
  np.testing.assert_array_equal(y[dropped], first[dropped])
  shares = dropped.mean(axis=2)
  assert shares.min() < 0.1 and 0.7 < shares.max() < 0.95
  assert shares.mean() == pytest.approx(0.875 / 2, abs=0.06)


@pytest.mark.parametrize(
  ('name', 'share'), [('horizontal_flip', 0.5), ('point_shift', 0.2)]
)
def test_the_share_of_changed_walks(name, share):
  x = jnp.concatenate([X] * 8)
  change = augment.create((dict(name=name),), modalities=('points',))
  y, _ = change(x, jnp.concatenate([MASK] * 8), KEY)
  changed = (y != x)[:, 0].any(axis=(1, 2)).mean()
  assert changed == pytest.approx(share, abs=0.1)
