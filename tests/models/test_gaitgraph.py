"""What is GaitGraph's own: its length 1 and its test time."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from gaitgs_jax import models

SMALL = dict(blocks=(1, 1, 1), channels=(8, 4, 8, 12), reduction=2, features=6)


@jax.jit
def forward(model, x):
  return model(x)


def create(**config):
  return models.create('gaitgraph', rngs=nnx.Rngs(0), **SMALL | config)


def walk(n=3, s=8):
  x = 50 * jax.random.uniform(jax.random.key(1), (n, s, 17, 3))
  return x.at[..., 2].divide(50)


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
