"""What is CSTL's own: its initial weights, its masks and its frame choice."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from gaitgs_jax import models
from gaitgs_jax.models import part_scores

SMALL = dict(channels=(4, 8), parts=4, squeeze=4, features=6, num_classes=5)


def create(**config):
  return models.create('cstl', rngs=nnx.Rngs(0), **config)


def test_initial_weights_follow_torchs_rule():
  model = create()

  def spread(weight):
    return weight[...].std() / np.sqrt(2)

  short = model.scales.short[0]
  # A grouped convolution counts the inputs of one group, the outputs of all.
  expected = (3 * (128 + 32 * 128)) ** -0.5
  assert spread(short.convolution.kernel) == pytest.approx(expected, rel=1e-2)
  assert short.norm.scale[...].std() == pytest.approx(0.02, rel=5e-2)
  # Torch takes axis 0 for outputs: the parts of one, the single one of another.
  expected = (256 * (384 + 32)) ** -0.5
  assert spread(model.head.kernel) == pytest.approx(expected, rel=1e-2)
  expected = (73 * (128 + 1)) ** -0.5
  assert spread(model.identity.kernel) == pytest.approx(expected, rel=5e-2)


def test_padded_frames_do_not_count_in_training():
  x = jax.random.uniform(jax.random.key(0), (4, 6, 16, 10, 1))
  padded = jnp.concatenate([x, jnp.full_like(x, jnp.nan)], axis=1)
  mask = jnp.broadcast_to(jnp.arange(12) < 6, (4, 12))
  # Where the padded frames lie does not count either.
  mask, padded = jnp.flip(mask, 1), jnp.flip(padded, 1)

  @jax.jit
  def train(x, mask):
    model = create(**SMALL)
    output = model(x, mask, train=True)
    return output.features, output.logits, nnx.state(model, nnx.BatchStat)

  for one, other in zip(
    jax.tree.leaves(train(padded, mask)),
    jax.tree.leaves(train(jnp.flip(x, 1), None)),
    strict=True,
  ):
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_each_part_is_taken_from_the_frame_of_its_highest_score():
  salient = create(**SMALL).salient
  frames = jax.random.normal(jax.random.key(0), (2, 7, 4, 8))
  scales = [frames, 2 * frames, 3 * frames]
  mask = jnp.broadcast_to(jnp.arange(7) < 5, (2, 7))
  x = jnp.concatenate(scales, axis=-1)
  score = salient.score(x, mask, train=False)[:, :5, :, 0]
  _, selected = salient(scales, mask, train=False)
  for n in range(2):
    for p in range(4):
      best = np.argmax(score[n, :, p])
      np.testing.assert_array_equal(selected[n, p], frames[n, best, p])


def test_the_choice_of_frames_carries_no_gradient():
  x = jax.random.normal(jax.random.key(0), (2, 7, 4, 8))
  mask = jnp.ones((2, 7), bool)
  graphdef, params, rest = nnx.split(create(**SMALL).salient, nnx.Param, ...)

  def selected(params):
    salient = nnx.merge(graphdef, params, rest, copy=True)
    return salient([x, x, x], mask, train=False)[1].sum()

  grads = jax.grad(selected)(params)
  assert all(np.all(grad == 0) for grad in jax.tree.leaves(grads))


def test_weighted_mean_by_hand():
  x = jnp.array([[1.0, 2.0, 6.0]])
  score = jnp.array([[0.0, jnp.log(3.0), 0.0]])  # Weights 1/2, 3/4 and none.
  mask = jnp.array([[True, True, False]])
  mean = part_scores.weighted_mean(x, score, mask)
  np.testing.assert_allclose(mean, [(0.5 + 1.5) / 1.25], rtol=1e-6)
  # Every sigmoid is 0 in float32 here.
  low = part_scores.weighted_mean(x, score - 200, mask)
  np.testing.assert_allclose(low, [(1 + 6) / 4], rtol=1e-5)
