import golden_numbers
import jax.numpy as jnp
import numpy as np
import pytest

from gaitgs_jax import skeletons
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import augment, pose_features

RNG = np.random.default_rng(0)
X = jnp.asarray(RNG.uniform(0, 100, (6, 17, 3)), jnp.float32)
MASK = jnp.arange(6) < 5
COCO = skeletons.get('coco17')
PARENTS = [5, 0, 0, 1, 2, 0, 0, 5, 6, 7, 8, 5, 6, 11, 12, 13, 14]


@pytest.mark.parametrize(
  ('name', 'convention', 'origin'),
  [
    ('coco17', 'opengait', 0),
    ('coco17', 'fastposegait', 0),
    ('openpose18', 'opengait', 0),
    ('openpose18', 'fastposegait', 1),
  ],
)
def test_motion_and_bones_by_hand(name, convention, origin):
  skeleton = skeletons.get(name)
  x = RNG.random((6, len(skeleton.joints), 3), np.float32)
  parents = PARENTS if name == 'coco17' else skeleton.parents
  y = pose_features.motion_and_bones(
    jnp.asarray(x), MASK, skeleton, convention=convention
  )
  assert y.shape == (6, len(skeleton.joints), 10)
  for frame in range(5):
    for joint, parent in enumerate(parents):
      here = x[frame, joint, :2]
      moved = [
        x[frame + step, joint, :2] - here if frame < 3 else [0, 0]
        for step in (1, 2)
      ]
      expected = [
        here,
        here - x[frame, origin, :2],
        *moved,
        here - x[frame, parent, :2],
      ]
      np.testing.assert_allclose(
        y[frame, joint], np.concatenate(expected), atol=1e-6
      )


def test_a_single_frame_has_no_motion():
  y = pose_features.motion_and_bones(X[:1], MASK[:1], COCO)
  assert not y[..., 4:8].any() and y[..., :2].all()


def _angle(a, at, b):
  one, two = a - at, b - at
  cosine = one @ two / np.linalg.norm(one) / np.linalg.norm(two)
  return np.pi - np.arccos(np.clip(cosine, -1, 1))


@pytest.mark.parametrize('name', ['coco17', 'openpose18'])
def test_bones_and_angles_by_hand(name):
  skeleton = skeletons.get(name)
  x = RNG.uniform(0, 100, (2, len(skeleton.joints), 3)).astype(np.float32)
  place = skeleton.joints.index
  # Joints on top of each other make half a turn.
  x[1, place('left_ankle')] = x[1, place('left_knee')]
  y = np.asarray(pose_features.bones_and_angles(jnp.asarray(x), skeleton))
  assert y.shape == (2, len(skeleton.joints), 6)
  np.testing.assert_array_equal(y[..., :2], x[..., :2])
  assert not y[..., 5].any()
  knee, hip, ankle = (x[0, place(f'left_{n}'), :2] for n in _LEG)
  expected = _angle(hip, knee, ankle)
  assert y[0, place('left_knee'), 4] == pytest.approx(expected, abs=1e-4)
  vertical = np.array([ankle[0], knee[1]])
  expected = _angle(knee, ankle, vertical)
  assert y[0, place('left_ankle'), 4] == pytest.approx(expected, abs=1e-4)
  assert y[1, place('left_ankle'), 4] == pytest.approx(np.pi)
  bone = x[0, place('left_knee'), :2] - x[0, place('left_hip'), :2]
  np.testing.assert_allclose(y[0, place('left_knee'), 2:4], bone, rtol=1e-5)
  if name == 'openpose18':
    assert not y[:, place('neck'), 4].any()


_LEG = ('knee', 'hip', 'ankle')


def test_limbs_are_those_of_msgg():
  coco = [6, 8, 14, 12, 7, 13, 5, 10, 16, 11, 9, 15]
  np.testing.assert_array_equal(pose_features.limbs(X, COCO), X[:, coco])
  openpose = [2, 3, 9, 8, 6, 12, 5, 4, 10, 11, 7, 13]
  x = jnp.asarray(RNG.random((2, 18, 3), np.float32))
  found = pose_features.limbs(x, skeletons.get('openpose18'))
  np.testing.assert_array_equal(found, x[:, openpose])


def test_features_end_a_list_of_transforms():
  chosen = (
    dict(name='repair'),
    dict(name='motion_and_bones', convention='fastposegait'),
  )
  change = augment.create(chosen, skeleton='coco17', random=False)
  y, _ = change(X[None], MASK[None], None)
  assert y.shape == (1, 6, 17, 10) and not y[:, 5].any()
  with pytest.raises(UserError, match="'paper'; choose one of opengait"):
    chosen = (dict(name='motion_and_bones', convention='paper'),)
    augment.create(chosen, skeleton='coco17')(X[None], MASK[None])


@pytest.mark.parametrize(
  ('file', 'name'), [('gaittr_coco', 'coco17'), ('gaittr_oumvlp', 'openpose18')]
)
@pytest.mark.parametrize('length', [1, 7, 30])
def test_motion_and_bones_as_published(file, name, length):
  golden = golden_numbers.load(file)
  raw, expected = golden[f'eval_raw_{length}'], golden[f'eval_in_{length}']
  for x, right in zip(raw, expected, strict=True):
    found = pose_features.motion_and_bones(
      jnp.asarray(x), jnp.ones(length, bool), skeletons.get(name)
    )
    np.testing.assert_allclose(
      found, right[..., 0].swapaxes(1, 2), rtol=1e-6, atol=1e-4
    )


def test_descriptors_of_gpgait_as_published():
  golden = golden_numbers.load('gpgait')
  scale, describe = dict(name='rescale_centre'), dict(name='bones_and_angles')
  raw = jnp.asarray(golden['eval_raw_7'])
  for before, expected, features in (
    ((scale,), 'tf_rescaled_7', False),
    ((dict(name='straighten'),), 'tf_straightened_7', False),
    ((scale, describe), 'eval_in_7', True),
    ((dict(name='straighten'), scale, describe), 'tf_straightened_in_7', True),
  ):
    change = augment.create(before, skeleton='coco17', random=False)
    found, _ = change(raw, jnp.ones(raw.shape[:2], bool))
    right = golden[expected]
    if features:  # [n,c,s,v,1]
      right = np.moveaxis(right[..., 0], 1, -1)
    np.testing.assert_allclose(found, right, rtol=1e-5, atol=2e-3)
