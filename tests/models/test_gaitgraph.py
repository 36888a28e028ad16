"""What is GaitGraph's own: its views, its test time and its errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from gaitgs_jax import models

SMALL = dict(blocks=(1, 1, 1), channels=(8, 4, 8, 12), reduction=2, features=6)


@jax.jit
def forward(model, x):
  return model(x)


@jax.jit
def train(model, x, mask):
  return model(x, mask, train=True)


def create(**config):
  return models.create('gaitgraph', rngs=nnx.Rngs(0), **SMALL | config)


def walk(n=3, s=8):
  x = 50 * jax.random.uniform(jax.random.key(1), (n, s, 17, 3))
  return x.at[..., 2].divide(50)


def test_views_follow_one_another_in_training():
  x = walk()
  mask = np.ones((3, 8), bool)
  mask[0, 6:] = False  # Two frames less in the second view.
  mask = jnp.asarray(mask)
  features = train(create(), x, mask).features
  assert features.shape == (3, 2, 6)
  np.testing.assert_allclose(jnp.linalg.norm(features, axis=-1), 1, rtol=1e-5)
  one = train(
    create(views=1),
    jnp.concatenate([x[:, :4], x[:, 4:]]),
    jnp.concatenate([mask[:, :4], mask[:, 4:]]),
  ).features
  np.testing.assert_allclose(features[:, 0], one[:3, 0], atol=1e-5)
  np.testing.assert_allclose(features[:, 1], one[3:, 0], atol=1e-5)


def test_test_time_averages_both_directions():
  x, plain = walk(), create(test_time=False)
  embedding = forward(create(), x).embedding
  both = [forward(plain, each).embedding for each in (x, x[:, ::-1])]
  np.testing.assert_allclose(embedding, (both[0] + both[1]) / 2, atol=1e-6)
  np.testing.assert_allclose(jnp.linalg.norm(both[0], axis=-1), 1, rtol=1e-5)


def test_activations_have_a_value_for_each_joint_and_frame():
  model = create()
  found = jax.jit(lambda x: model.activations(x))(walk())
  assert found.shape == (3, 8, 17)
  np.testing.assert_allclose(found.max(axis=(1, 2)), 1, rtol=1e-6)


def test_frames_that_are_not_views_are_told():
  with pytest.raises(ValueError, match='7 frames are not 2 equally long'):
    create()(walk(s=7), train=True)
