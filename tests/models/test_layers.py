import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from gaitgs_jax.models import layers, norms


def draw(*shape):
  return 3 + 2 * jax.random.normal(jax.random.key(0), shape)


def test_batch_norm_follows_torchs_rule():
  norm, x = norms.BatchNorm(1), jnp.array([[0.0], [2.0]])
  y = norm(x, train=True)
  # Mean 1, biased variance 1, unbiased 2.
  np.testing.assert_allclose(y, (x - 1) / np.sqrt(1 + 1e-5), rtol=1e-6)
  np.testing.assert_allclose(norm.mean[...], 0.1, rtol=1e-6)
  np.testing.assert_allclose(norm.variance[...], 0.9 + 0.2, rtol=1e-6)
  y = norm(x, train=False)
  np.testing.assert_allclose(y, (x - 0.1) / np.sqrt(1.1 + 1e-5), rtol=1e-6)


def test_batch_norm_takes_the_mean_of_batches():
  norm, batches = norms.BatchNorm(6), [draw(4, 6) * k for k in (1, 2, 5)]
  for number, x in enumerate(batches):
    with norms.statistics_momentum(1 / (number + 1)):
      norm(x, train=True)
  means, variances = ([f(x) for x in batches] for f in (_mean, _variance))
  np.testing.assert_allclose(norm.mean[...], np.mean(means, 0), rtol=1e-5)
  np.testing.assert_allclose(
    norm.variance[...], np.mean(variances, 0), rtol=1e-5
  )


def _mean(x):
  return np.mean(x, axis=0)


def _variance(x):
  return np.var(x, axis=0, ddof=1)


@pytest.mark.parametrize('shape', ((6,), (5, 6), (4, 5, 6)))
def test_batch_norm_treats_trailing_axes_apart(shape):
  norm, x = norms.BatchNorm(*shape), draw(3, 4, 5, 6)
  y = norm(x, train=True)
  axes = tuple(range(x.ndim - len(shape)))
  np.testing.assert_allclose(y.mean(axes), 0, atol=1e-5)
  np.testing.assert_allclose(y.std(axes), 1, atol=2e-3)


def test_batch_norm_leaves_padded_frames_out():
  x = draw(3, 4, 5, 6)
  mask = jnp.array([[1, 1, 0, 0], [1, 1, 1, 1], [1, 0, 0, 0]], bool)
  norm, alone = norms.BatchNorm(6), norms.BatchNorm(6)
  padded = jnp.where(mask[:, :, None, None], x, 1e6)
  y = norm(padded, mask, train=True)[mask]
  np.testing.assert_allclose(y, alone(x[mask], train=True), atol=1e-5)
  for one, other in ((norm.mean, alone.mean), (norm.variance, alone.variance)):
    np.testing.assert_allclose(one[...], other[...], rtol=1e-5)


def test_batch_norm_of_many_pixels_keeps_its_digits():
  rng = np.random.default_rng(0)
  # As many as in a batch of walks, around a mean that is not 0.
  x = (1 + 0.1 * rng.standard_normal((8, 30, 64, 44, 2))).astype(np.float32)
  mask = rng.random((8, 30)) > 0.2
  norm = norms.BatchNorm(2)
  with norms.statistics_momentum(1.0):
    norm(jnp.asarray(x), jnp.asarray(mask), train=True)
  kept = x[mask].astype(np.float64).reshape(-1, 2)
  for found, right in (
    (norm.mean, kept.mean(axis=0)),
    (norm.variance, kept.var(axis=0, ddof=1)),
  ):
    np.testing.assert_allclose(found[...], right, rtol=5e-6)


def test_batch_norm_of_one_value_stays_finite():
  norm = norms.BatchNorm(2)
  assert np.all(norm(jnp.ones((1, 2)), train=True) == 0)
  assert np.all(np.isfinite(norm.variance[...]))


@pytest.mark.parametrize('shape', [(2, 3, 4, 5), (4, 3, 5), (6, 5)])
@pytest.mark.parametrize('masked', [True, False])
def test_batch_norm_has_the_gradient_of_its_formula(shape, masked):
  x = draw(*shape)
  weights = jnp.sin(5 * x)
  mask = draw(*shape[: min(2, len(shape) - 1)]) > 3 if masked else None
  norm = norms.BatchNorm(5, rngs=nnx.Rngs(0))
  graphdef, params, stats = nnx.split(norm, nnx.Param, nnx.BatchStat)
  axes = tuple(range(len(shape) - 1))
  kept = jnp.ones(shape[:-1], bool)
  if masked:
    kept = kept & mask.reshape(*mask.shape, *(1,) * (len(axes) - mask.ndim))

  def layer(x, params):
    y = nnx.merge(graphdef, params, stats, copy=True)(x, mask, train=True)
    return (y * weights).sum()

  def formula(x, params):
    mean = x.mean(axes, keepdims=True, where=kept[..., None])
    variance = x.var(axes, keepdims=True, where=kept[..., None])
    scale, bias = (
      params[name][...].reshape(mean.shape) for name in ('scale', 'bias')
    )
    y = (x - mean) / jnp.sqrt(variance + 1e-5) * scale + bias
    return (y * weights).sum()

  jax.tree.map(
    functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-4),
    jax.grad(layer, (0, 1))(x, params),
    jax.grad(formula, (0, 1))(x, params),
  )


def test_batch_norm_computes_in_float32():
  y = norms.BatchNorm(6)(draw(9, 6).astype(jnp.bfloat16), train=True)
  assert y.dtype == jnp.float32


def test_batch_norm_starts_from_a_scale_or_draws_it():
  assert np.all(norms.BatchNorm(3, scale=0.0).scale[...] == 0)
  scale = norms.BatchNorm(40, 50, rngs=nnx.Rngs(0)).scale[...]
  assert scale.mean() == pytest.approx(1, abs=2e-3)
  assert scale.std() == pytest.approx(0.02, rel=5e-2)


def test_values_go_back_to_their_frames():
  values = jnp.asarray([[[1.0], [2], [3], [9]], [[4], [9], [9], [9]]])
  mask = jnp.asarray([[0, 1, 1, 1], [0, 0, 1, 0]], bool)
  found = layers.to_their_frames(values, mask)
  assert found[..., 0].tolist() == [[0, 1, 2, 3], [0, 0, 4, 0]]


def test_only_valid_frames_are_reversed():
  x = jnp.arange(1.0, 9).reshape(2, 4, 1, 1)
  mask = jnp.asarray([[1, 1, 1, 1], [1, 1, 0, 0]], bool)
  found = layers.reverse_frames(x, mask)[..., 0, 0]
  assert found.tolist() == [[4, 3, 2, 1], [6, 5, 7, 8]]
