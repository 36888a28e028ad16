import jax.numpy as jnp
import lowered
import numpy as np
import pytest

from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import distance


def reference(x, y, metric):
  """Float64, without the expansion of the square."""
  x = np.asarray(x, np.float64)[:, None]
  y = np.asarray(y, np.float64)[None]
  if metric == 'euclidean':
    return np.sqrt(((x - y) ** 2).sum(-1)).mean(-1)
  norms = np.linalg.norm(x, axis=-1) * np.linalg.norm(y, axis=-1)
  return 1 - ((x * y).sum(-1) / norms).mean(-1)


@pytest.mark.parametrize('metric', distance.METRICS)
def test_pairwise_is_the_mean_over_parts(metric):
  rng = np.random.default_rng(0)
  x = rng.normal(size=(5, 7, 16)).astype(np.float32)
  y = rng.normal(size=(9, 7, 16)).astype(np.float32)
  ours = distance.pairwise(jnp.asarray(x), jnp.asarray(y), metric=metric)
  np.testing.assert_allclose(ours, reference(x, y, metric), atol=1e-5)


def test_pairwise_by_hand():
  # Parts 3-4-5 and 5-12-13: mean 9, where the whole norm would be 13.9.
  x = jnp.zeros((1, 2, 2))
  y = jnp.asarray([[[3.0, 4.0], [5.0, 12.0]]])
  assert distance.pairwise(x, y)[0, 0] == pytest.approx(9)
  # One part alike, one at a right angle.
  x = jnp.asarray([[[1.0, 0.0], [1.0, 0.0]]])
  y = jnp.asarray([[[2.0, 0.0], [0.0, 3.0]]])
  cosine = distance.pairwise(x, y, metric='cosine')[0, 0]
  assert cosine == pytest.approx(0.5)


def test_cosine_of_zeros_is_one():
  x = jnp.zeros((1, 2, 3))
  y = jnp.ones((1, 2, 3))
  assert distance.pairwise(x, y, metric='cosine')[0, 0] == 1


def test_half_precision_embeddings_are_compared_in_float32():
  x = np.random.default_rng(1).normal(size=(4, 3, 32)).astype(jnp.bfloat16)
  ours = distance.pairwise(jnp.asarray(x), jnp.asarray(x))
  assert ours.dtype == jnp.float32
  x = x.astype(np.float64)
  expected = reference(x, x, 'euclidean')
  off = ~np.eye(4, dtype=bool)
  np.testing.assert_allclose(ours[off], expected[off], rtol=1e-5)


def test_an_unknown_metric_is_named():
  with pytest.raises(UserError, match=r"'manhattan'.*euclidean, cosine"):
    distance.check_metric('manhattan')


@pytest.mark.parametrize('metric', distance.METRICS)
@pytest.mark.parametrize('dtype', ['float32', 'bfloat16'])
def test_distances_multiply_as_float32_wherever_they_run(metric, dtype):
  x = jnp.ones((3, 2, 4), dtype)
  found = lowered.products(distance.pairwise.lower(x, x, metric=metric))
  assert found == [({'f32'}, True)]
