import golden_numbers
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gaitgs_jax import skeletons
from gaitgs_jax.input import augment, pose_transforms

RNG = np.random.default_rng(0)
KEY = jax.random.key(1)
# Published lengths of what goes in: file -> frames that come out.
TARGETS = {'gaitgraph2_casia': 60, 'gaitgraph2_oumvlp': 30}


def published():
  """Yields (file, length) of each sequence that the files hold."""
  for name in TARGETS:
    golden = golden_numbers.load(name)
    for key in sorted(golden):
      if key.startswith('tf_raw_'):
        yield name, int(key.removeprefix('tf_raw_'))


def padded(x, extra=5):
  """Returns a sequence with garbage behind it, and its mask."""
  garbage = np.full((extra, *x.shape[1:]), 7.0, np.float32)
  return (
    jnp.asarray(np.concatenate([x, garbage])),
    jnp.arange(len(x) + extra) < len(x),
  )


@pytest.mark.parametrize(('name', 'length'), list(published()))
def test_published_numbers(name, length):
  golden, frames = golden_numbers.load(name), TARGETS[name]
  x, mask = padded(golden[f'tf_raw_{length}'])
  x, mask = pose_transforms.repair(x, mask)
  expected = golden[f'tf_norm_{length}']
  np.testing.assert_allclose(x[:length], expected, rtol=1e-6)
  x, mask = pose_transforms.reflect(x, mask, frames=frames)
  expected = golden[f'tf_pad_{length}']
  assert mask.sum() == len(expected) and mask[: len(expected)].all()
  np.testing.assert_allclose(x[: len(expected)], expected, rtol=1e-6)
  x, mask = pose_transforms.centre(x, mask, frames=frames)
  assert mask.all()
  expected = golden[f'tf_center_{length}']
  np.testing.assert_allclose(x, expected, rtol=1e-6)


# 64 walks of 20 frames in 24; every number is its own.
LENGTH, N = 20, 64
X = jnp.arange(N * 24 * 17 * 3, dtype=jnp.float32).reshape(N, 24, 17, 3) + 1
X = X.at[..., 2].set(0.5)
MASK = jnp.broadcast_to(jnp.arange(24) < LENGTH, (N, 24))


def apply(key=KEY, **chosen):
  return augment.create(chosen, skeleton='coco17')(X, MASK, key)


def test_reverse_turns_the_valid_frames():
  y, mask = apply(reverse={'probability': 1.0})
  np.testing.assert_array_equal(y[:, :LENGTH], X[:, LENGTH - 1 :: -1])
  np.testing.assert_array_equal(mask, MASK)
  assert not y[:, LENGTH:].any()


def test_swap_sides_exchanges_left_and_right():
  y, _ = apply(swap_sides={'probability': 1.0})
  joints = skeletons.get('coco17').joints
  left, right = joints.index('left_knee'), joints.index('right_knee')
  np.testing.assert_array_equal(y[:, :LENGTH, left], X[:, :LENGTH, right])
  np.testing.assert_array_equal(y[:, :LENGTH, 0], X[:, :LENGTH, 0])


def test_swap_sides_frame_by_frame():
  y, _ = apply(swap_sides={'probability': 1.0, 'share': 0.3})
  changed = np.any(y != X, axis=(2, 3))[:, :LENGTH]
  assert 0.2 < changed.mean() < 0.4
  assert changed.any(1).all() and not changed.all(1).any()


def test_crop_keeps_a_window():
  y, mask = apply(crop={'frames': 8})
  assert y.shape == (N, 8, 17, 3) and mask.all()
  starts = np.asarray((y[:, 0, 0, 0] - X[:, 0, 0, 0]) / (17 * 3)).astype(int)
  assert starts.min() == 0 and starts.max() == LENGTH - 8
  for row, start in enumerate(starts):
    np.testing.assert_array_equal(y[row], X[row, start : start + 8])


def test_a_shorter_sequence_is_not_cropped():
  y, mask = apply(crop={'frames': 22})
  assert y.shape == (N, 22, 17, 3)
  np.testing.assert_array_equal(y[:, :LENGTH], X[:, :LENGTH])
  np.testing.assert_array_equal(mask.sum(1), LENGTH)


@pytest.mark.parametrize('normal', [False, True])
def test_joint_noise_is_the_same_in_all_frames(normal):
  y, _ = apply(joint_noise={'scale': 0.25, 'normal': normal})
  moved = np.asarray(y - X)[:, :LENGTH]
  # The numbers are up to 78,000, whose float32 steps are 0.008.
  np.testing.assert_allclose(moved, moved[:, :1].repeat(LENGTH, 1), atol=0.01)
  assert not moved[..., 2].any()
  assert (np.abs(moved).max() > 0.3) == normal
  assert 0.1 < moved[..., :2].std() < 0.3


@pytest.mark.parametrize('normal', [False, True])
def test_point_noise_is_each_numbers_own(normal):
  y, _ = apply(point_noise={'scale': 0.4, 'normal': normal})
  moved = np.asarray(y - X)[:, :LENGTH]
  assert moved[..., 0].std(axis=(1, 2)).min() > 0.1
  confidence = np.asarray(y[:, :LENGTH, :, 2])
  assert confidence.min() >= 0 and confidence.max() <= 1
  assert (confidence == 1).any() == normal


def test_point_noise_may_leave_the_confidence_as_opengait_does():
  y, _ = apply(point_noise={'scale': 0.4, 'normal': True, 'clip': False})
  confidence = np.asarray(y[:, :LENGTH, :, 2])
  assert confidence.min() < 0 and confidence.max() > 1


def test_move_shifts_the_whole_walk():
  y, _ = apply(move={'x': 30.0, 'y': 10.0})
  moved = np.asarray(y - X)[:, :LENGTH]
  assert np.ptp(moved, axis=(1, 2)).max() < 0.02
  reach = np.abs(moved[..., :2]).max(axis=(0, 1, 2))
  assert 25 < reach[0] < 30.01 and 8 < reach[1] < 10.01


def test_random_ones_follow_their_key():
  chosen = {'crop': {'frames': 8}, 'joint_noise': {'scale': 0.5}}
  one, same = apply(**chosen)[0], apply(**chosen)[0]
  other = apply(jax.random.key(2), **chosen)[0]
  np.testing.assert_array_equal(one, same)
  assert not np.array_equal(one, other)
