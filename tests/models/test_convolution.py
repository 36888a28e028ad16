"""Every lowering equals the plain 3-D convolution, forward and backward."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gaitgs_jax.models import convolution

KERNELS = ((3, 3, 3), (1, 3, 3), (3, 1, 1), (1, 1, 1), (5, 3, 1))


def plain(x, kernel, strips):
  """Cuts strips by hand and convolves each in 3-D, with written-out padding."""
  sides = [(size // 2, size // 2) for size in kernel.shape[:3]]
  height = x.shape[2] // strips
  pieces = [
    jax.lax.conv_general_dilated(
      x[:, :, i * height : (i + 1) * height],
      kernel,
      (1, 1, 1),
      sides,
      dimension_numbers=('NDHWC', 'DHWIO', 'NDHWC'),
    )
    for i in range(strips)
  ]
  return jnp.concatenate(pieces, axis=2)


@pytest.mark.parametrize('lowering', convolution.LOWERINGS)
@pytest.mark.parametrize('taps', KERNELS)
@pytest.mark.parametrize('strips', (1, 2, 4))
def test_lowering_is_the_plain_convolution(lowering, taps, strips):
  keys = jax.random.split(jax.random.key(0), 3)
  x = jax.random.normal(keys[0], (2, 5, 8, 6, 3))
  kernel = jax.random.normal(keys[1], (*taps, 3, 4))
  weight = jax.random.normal(keys[2], (2, 5, 8, 6, 4))

  def ours(x, kernel):
    y = convolution.convolve(x, kernel, strips=strips, lowering=lowering)
    return (y * weight).sum(), y

  def theirs(x, kernel):
    y = plain(x, kernel, strips)
    return (y * weight).sum(), y

  results = [
    jax.jit(jax.value_and_grad(f, argnums=(0, 1), has_aux=True))(x, kernel)
    for f in (ours, theirs)
  ]
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4),
    *results,
  )


def test_the_platform_decides():
  assert convolution.default_lowering('cpu') == 'frames'
  assert convolution.default_lowering('tpu') == 'native'
  assert convolution.default_lowering() in convolution.LOWERINGS


@pytest.mark.parametrize(
  ('options', 'sentence'),
  (
    (dict(strips=3), '3 strips do not divide a height of 8'),
    (dict(lowering='fast'), "no convolution lowering 'fast'"),
  ),
)
def test_what_cannot_be_convolved(options, sentence):
  x, kernel = jnp.ones((1, 2, 8, 4, 1)), jnp.ones((1, 1, 1, 1, 1))
  with pytest.raises(ValueError, match=sentence):
    convolution.convolve(x, kernel, **options)
