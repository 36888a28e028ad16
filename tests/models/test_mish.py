import jax
import jax.numpy as jnp
import numpy as np

from gaitgs_jax.models.mish import mish


def test_mish_and_its_gradient_are_those_of_its_formula():
  # Below, between and above the numbers whose exponential is taken.
  x = jnp.asarray([-90, -20, -1.19, -0.1, 0, 0.5, 3, 19.9, 20.1, 90, 1e4])

  def formula(x):
    return x * jnp.tanh(jax.nn.softplus(x))

  np.testing.assert_allclose(mish(x), formula(x), rtol=1e-6, atol=1e-30)
  slope, expected = (
    jax.vmap(jax.grad(function))(x) for function in (mish, formula)
  )
  assert np.all(np.isfinite(slope))
  np.testing.assert_allclose(slope, expected, rtol=1e-5, atol=1e-6)
