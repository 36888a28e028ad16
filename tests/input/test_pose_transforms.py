import golden_numbers
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

from gaitgs_jax import skeletons
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import augment, pose_transforms, time_transforms

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
  x = pose_transforms.repair(x, mask)
  expected = golden[f'tf_norm_{length}']
  np.testing.assert_allclose(x[:length], expected, rtol=1e-6)
  x, mask = time_transforms.reflect(x, mask, frames=frames)
  expected = golden[f'tf_pad_{length}']
  assert mask.sum() == len(expected) and mask[: len(expected)].all()
  np.testing.assert_allclose(x[: len(expected)], expected, rtol=1e-6)
  x, mask = time_transforms.middle_frames(x, mask, frames=frames)
  assert mask.all()
  expected = golden[f'tf_center_{length}']
  np.testing.assert_allclose(x, expected, rtol=1e-6)


@pytest.mark.parametrize('steps', (1, 2))
def test_a_program_for_any_length_takes_the_same_frames(steps):
  def change(x, mask):
    x, mask = time_transforms.reflect(x, mask, frames=20)
    return time_transforms.middle_frames(x, mask, frames=18)

  (s,) = export.symbolic_shape('16*k', constraints=('k >= 1',))
  program = export.export(jax.jit(change))(
    jax.ShapeDtypeStruct((s, 2), jnp.float32), jax.ShapeDtypeStruct((s,), bool)
  )
  assert [each.shape for each in program.out_avals] == [(18, 2), (18,)]
  x = jnp.arange(32.0 * steps).reshape(16 * steps, 2)
  mask = jnp.arange(16 * steps) < 16 * steps - 3
  found, kept = program.call(x, mask)
  expected, seen = change(x, mask)
  np.testing.assert_array_equal(kept[: len(seen)], seen)
  np.testing.assert_array_equal(found[: len(seen)], expected)


# 64 walks of 20 frames in 24; every number is its own.
LENGTH, N = 20, 64
X = jnp.arange(N * 24 * 17 * 3, dtype=jnp.float32).reshape(N, 24, 17, 3) + 1
X = X.at[..., 2].set(0.5)
MASK = jnp.broadcast_to(jnp.arange(24) < LENGTH, (N, 24))


def apply(name, key=KEY, **options):
  change = augment.create(({'name': name} | options,), skeleton='coco17')
  return change(X, MASK, key)


def test_reverse_turns_the_valid_frames():
  y, mask = apply('reverse', probability=1.0)
  np.testing.assert_array_equal(y[:, :LENGTH], X[:, LENGTH - 1 :: -1])
  np.testing.assert_array_equal(mask, MASK)
  assert not y[:, LENGTH:].any()


def test_swap_sides_exchanges_left_and_right():
  y, _ = apply('swap_sides', probability=1.0)
  joints = skeletons.get('coco17').joints
  left, right = joints.index('left_knee'), joints.index('right_knee')
  np.testing.assert_array_equal(y[:, :LENGTH, left], X[:, :LENGTH, right])
  np.testing.assert_array_equal(y[:, :LENGTH, 0], X[:, :LENGTH, 0])


def test_swap_sides_frame_by_frame():
  y, _ = apply('swap_sides', probability=0.3, per='frame')
  changed = np.any(y != X, axis=(2, 3))[:, :LENGTH]
  assert 0.2 < changed.mean() < 0.4
  assert changed.any(1).all() and not changed.all(1).any()


def test_random_frames_keeps_a_window():
  y, mask = apply('random_frames', frames=8)
  assert y.shape == (N, 8, 17, 3) and mask.all()
  starts = np.asarray((y[:, 0, 0, 0] - X[:, 0, 0, 0]) / (17 * 3)).astype(int)
  assert starts.min() == 0 and starts.max() == LENGTH - 8
  for row, start in enumerate(starts):
    np.testing.assert_array_equal(y[row], X[row, start : start + 8])


def test_a_shorter_sequence_is_not_cut():
  y, mask = apply('random_frames', frames=22)
  assert y.shape == (N, 22, 17, 3)
  np.testing.assert_array_equal(y[:, :LENGTH], X[:, :LENGTH])
  np.testing.assert_array_equal(mask.sum(1), LENGTH)


@pytest.mark.parametrize('normal', [False, True])
def test_joint_noise_is_the_same_in_all_frames(normal):
  y, _ = apply('joint_noise', scale=0.25, normal=normal)
  moved = np.asarray(y - X)[:, :LENGTH]
  # The numbers are up to 78,000, whose float32 steps are 0.008.
  np.testing.assert_allclose(moved, moved[:, :1].repeat(LENGTH, 1), atol=0.01)
  assert not moved[..., 2].any()
  assert (np.abs(moved).max() > 0.3) == normal
  assert 0.1 < moved[..., :2].std() < 0.3


@pytest.mark.parametrize('normal', [False, True])
def test_point_noise_is_each_numbers_own(normal):
  y, _ = apply('point_noise', scale=0.4, normal=normal)
  moved = np.asarray(y - X)[:, :LENGTH]
  assert moved[..., 0].std(axis=(1, 2)).min() > 0.1
  confidence = np.asarray(y[:, :LENGTH, :, 2])
  assert confidence.min() >= 0 and confidence.max() <= 1
  assert (confidence == 1).any() == normal


def test_point_noise_may_leave_the_confidence_as_opengait_does():
  y, _ = apply('point_noise', scale=0.4, normal=True, clip=False)
  confidence = np.asarray(y[:, :LENGTH, :, 2])
  assert confidence.min() < 0 and confidence.max() > 1


def test_move_shifts_the_whole_walk():
  y, _ = apply('move', x=30.0, y=10.0)
  moved = np.asarray(y - X)[:, :LENGTH]
  assert np.ptp(moved, axis=(1, 2)).max() < 0.02
  reach = np.abs(moved[..., :2]).max(axis=(0, 1, 2))
  assert 25 < reach[0] < 30.01 and 8 < reach[1] < 10.01


def test_random_ones_follow_their_key():
  for chosen in (('random_frames', 8), ('joint_noise', 0.5)):
    name, value = chosen
    option = {'frames' if name == 'random_frames' else 'scale': value}
    one, same = apply(name, **option)[0], apply(name, **option)[0]
    other = apply(name, jax.random.key(2), **option)[0]
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_noise_may_be_drawn_for_each_frame():
  y, _ = apply('move', x=3.0, y=1.0, per='frame')
  moved = np.asarray(y - X)[:, :LENGTH]
  assert np.ptp(moved, axis=2).max() < 0.02
  assert np.ptp(moved[..., 0], axis=(1, 2)).min() > 1


# A frame of 17 joints and an empty one.
JOINTS = skeletons.get('coco17').joints
FRAMES = jnp.asarray(
  np.stack([RNG.uniform(0, 100, (17, 3)), np.zeros((17, 3))]), jnp.float32
)


def middle(x, *names):
  return np.mean([x[..., JOINTS.index(name), :2] for name in names], axis=0)


def test_horizontal_flip_mirrors_about_the_mean_of_the_joints():
  x = FRAMES.at[0, 3].set(0)
  y = pose_transforms.horizontal_flip(x)
  expected = 2 * np.mean(x[0, :, 0]) - np.asarray(x[0, :, 0])
  np.testing.assert_allclose(y[0, :, 0], expected, rtol=1e-5)
  np.testing.assert_array_equal(y[..., 1:], x[..., 1:])
  assert not y[1].any()


def test_straightened_spines_are_vertical_and_short_as_published():
  skeleton = skeletons.get('coco17')
  y = np.asarray(pose_transforms.straighten(FRAMES, skeleton))
  pairs = ('left_shoulder', 'right_shoulder'), ('left_hip', 'right_hip')
  (neck, hip), (old_neck, old_hip) = (
    [middle(each, *pair) for pair in pairs] for each in (y, FRAMES)
  )
  np.testing.assert_allclose(neck, old_neck, rtol=1e-5)
  np.testing.assert_allclose(hip[0, 0], neck[0, 0], rtol=1e-5)
  across, down = (old_hip - old_neck)[0]
  cos = abs(down) / np.hypot(across, down)
  np.testing.assert_allclose(hip[0, 1] - neck[0, 1], cos * down, rtol=1e-4)
  # Any joint: y is computed from the x that was turned.
  angle = np.arctan(across / down)
  x, row = np.asarray(FRAMES[0, 9, :2]) - old_neck[0]
  x = np.cos(angle) * x - np.sin(angle) * row
  row = np.sin(angle) * x + np.cos(angle) * row
  np.testing.assert_allclose(y[0, 9, :2], old_neck[0] + (x, row), rtol=1e-4)
  assert not y[1].any()


@pytest.mark.parametrize(
  ('centre', 'part'), [('neck', 'shoulder'), ('head', 'eye'), ('hip', 'hip')]
)
def test_rescaled_skeletons_have_one_height_and_centre(centre, part):
  y = np.asarray(
    pose_transforms.rescale_centre(
      FRAMES, skeletons.get('coco17'), centre=centre
    )
  )
  assert np.ptp(y[0, :, 1]) == pytest.approx(225, rel=1e-5)
  centre = middle(y, f'left_{part}', f'right_{part}')
  np.testing.assert_allclose(centre, 0, atol=1e-4)
  ratio = np.ptp(y[0, :, 0]) / np.ptp(FRAMES[0, :, 0])
  assert ratio == pytest.approx(225 / np.ptp(FRAMES[0, :, 1]), rel=1e-4)
  np.testing.assert_array_equal(y[..., 2], FRAMES[..., 2])
  assert not y[1].any()


def test_to_coco17_drops_the_neck_and_what_follows_sees_17_joints():
  x = jnp.asarray(RNG.uniform(0, 100, (2, 3, 18, 3)), jnp.float32)
  # The order in which FastPoseGait takes them.
  order = [0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10]
  expected = np.asarray(x)[:, :, order]
  kept = (dict(name='to_coco17'),)
  mask = jnp.ones((2, 3), bool)
  y, _ = augment.create(kept, skeleton='openpose18')(x, mask, KEY)
  np.testing.assert_array_equal(y, expected)
  swapped = dict(name='swap_sides', probability=1.0)
  y, _ = augment.create((*kept, swapped), skeleton='openpose18')(x, mask, KEY)
  swap = np.array(skeletons.get('coco17').swap)
  np.testing.assert_array_equal(y, expected[:, :, swap])


def test_an_unknown_centre_is_reported():
  chosen = (dict(name='rescale_centre', centre='foot'),)
  with pytest.raises(UserError, match="'foot'; choose one of neck, head, hip"):
    augment.create(chosen, skeleton='coco17')(X, MASK, KEY)
