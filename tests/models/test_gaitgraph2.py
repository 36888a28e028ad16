"""What is GaitGraph2's own: the features of joints and its test time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from gaitgs_jax import models
from gaitgs_jax.models import gaitgraph2

SMALL = dict(blocks=(1, 1, 1), channels=(8, 4, 8, 12), reduction=2, features=6)


@jax.jit
def forward(model, x, mask=None):
  return model(x, mask)


def create(**config):
  return models.create('gaitgraph2', rngs=nnx.Rngs(0), **SMALL | config)


def walk(n=2, s=9, v=17):
  x = 50 * jax.random.uniform(jax.random.key(1), (n, s, v, 3))
  return x.at[..., 2].divide(50)


def test_features_of_joints_by_hand():
  # Two joints over five frames, of which four are valid.
  x = np.zeros((1, 5, 2, 3), np.float32)
  x[0, :, 0] = [[0, 0, 0.9], [1, 0, 0.9], [3, 1, 0.9], [6, 3, 0.9], [7, 7, 7]]
  x[0, :, 1] = x[0, :, 0] + np.array([3, 4, -0.4], np.float32)
  mask = jnp.asarray([[1, 1, 1, 1, 0]], bool)
  found = gaitgraph2.joint_features(jnp.asarray(x), mask, (0, 0), 0)
  position, motion, bone = np.moveaxis(np.asarray(found)[0], 2, 0)
  np.testing.assert_allclose(position[1, 1], [4, 4, 0.5, 3, 4], rtol=1e-6)
  np.testing.assert_allclose(motion[0, 0], [1, 0, 0, 0.9, 1], rtol=1e-6)
  np.testing.assert_allclose(motion[1, 0], [2, 1, 0, 0.9, 3], rtol=1e-6)
  for frame in (2, 3):
    np.testing.assert_allclose(motion[frame, 0], [0, 0, 0, 0.9, 0])
  angle = np.arccos(4 / 5.0001)
  np.testing.assert_allclose(bone[2, 1], [3, 4, 0, 0.5, angle], rtol=1e-6)
  np.testing.assert_allclose(bone[2, 0], [0, 0, 0, 0.9, np.pi / 2], rtol=1e-6)


def test_conventions_differ_in_the_nose_and_the_centre():
  x = walk()
  mask = jnp.ones(x.shape[:2], bool)
  ours, theirs = (
    np.asarray(create(convention=name).branches(x, mask))
    for name in ('original', 'opengait')
  )
  different = np.any(ours != theirs, axis=(0, 1, 4))
  assert np.argwhere(different).tolist() == [[0, 2]]  # The bone of the nose.
  np.testing.assert_allclose(
    theirs[:, :, 0, 2, :2], x[:, :, 0, :2] - x[:, :, 5, :2]
  )
  x = walk(v=18)
  for name, centre in (('original', 1), ('opengait', 0)):
    model = create(convention=name, skeleton='openpose18')
    position = model.branches(x, mask)[..., 0, 3:]
    np.testing.assert_allclose(
      position, x[..., :2] - x[:, :, centre, None, :2], atol=1e-4
    )


def test_test_time_joins_three_walks():
  x, mask = walk(), jnp.asarray(np.arange(9)[None] < np.array([[9], [6]]))
  model, plain = create(), create(test_time=False)
  output = forward(model, x, mask)
  assert output.embedding.shape == (2, 1, 18)
  swap = np.array([0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15])
  backwards = jnp.concatenate([x[1:, 5::-1], x[1:, 6:]], axis=1)
  backwards = jnp.concatenate([x[:1, ::-1], backwards])
  walks = (x, backwards, x[:, :, swap])
  expected = [forward(plain, each, mask).embedding for each in walks]
  np.testing.assert_allclose(
    output.embedding, jnp.concatenate(expected, axis=-1), atol=1e-6
  )
  np.testing.assert_allclose(output.features, expected[0], atol=1e-6)


def test_training_embeds_the_walk_alone():
  output = jax.eval_shape(lambda: create()(walk(), train=True))
  assert output.embedding.shape == output.features.shape == (2, 1, 6)


def test_more_padding_changes_nothing_in_training():
  x, mask = walk(), jnp.asarray(np.arange(9)[None] < np.array([[9], [6]]))
  more = jnp.pad(x, ((0, 0), (0, 7), (0, 0), (0, 0)), constant_values=jnp.nan)

  @jax.jit
  def train(x, mask):
    model = create()
    features = model(x, mask, train=True).features
    return features, nnx.state(model, nnx.BatchStat)

  results = [train(x, mask), train(more, jnp.pad(mask, ((0, 0), (0, 7))))]
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5),
    *results,
  )


def test_activations_lie_on_the_frames_they_are_of():
  model, x = create(), walk(n=1)
  mask = np.ones((1, 9), bool)
  mask[0, [0, 4]] = False
  activate = jax.jit(lambda x, mask: model.activations(x, mask))
  holes = np.asarray(activate(x, jnp.asarray(mask)))
  alone = np.asarray(activate(x[:, mask[0]], None))
  assert holes.shape == (1, 9, 17)
  np.testing.assert_allclose(holes[:, mask[0]], alone, atol=1e-6)
  assert not np.any(holes[~mask])
  assert alone.max() == pytest.approx(1)


@pytest.mark.parametrize(
  ('config', 'sentence'),
  (
    (dict(convention='ours'), "no convention 'ours'; choose one of original"),
    (dict(skeleton='coco'), "no skeleton 'coco'; choose one of coco17"),
  ),
)
def test_wrong_options_are_told(config, sentence):
  with pytest.raises(ValueError, match=sentence):
    create(**config)
