"""Every lowering equals the plain 3-D convolution, forward and backward."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

from gaitgs_jax.models import convolution, products

KERNELS = ((3, 3, 3), (1, 3, 3), (3, 1, 1), (5, 3, 1), (3, 5, 3))


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


def both(function):
  """Returns a jitted function's results and gradients."""

  def weighted(*arrays):
    results = function(*arrays)
    keys = jax.random.split(jax.random.key(7), len(results))
    pairs = zip(results, keys, strict=True)
    total = sum((y * jax.random.normal(k, y.shape)).sum() for y, k in pairs)
    return total, results

  return jax.jit(jax.value_and_grad(weighted, argnums=(0, 1, 2), has_aux=True))


@pytest.mark.parametrize('taps', KERNELS)
@pytest.mark.parametrize('strips', (1, 4))
def test_every_lowering_is_the_plain_convolution(taps, strips):
  keys = jax.random.split(jax.random.key(0), 3)
  x = jax.random.normal(keys[0], (2, 5, 8, 6, 8))
  whole = jax.random.normal(keys[1], (*taps, 8, 4))
  strip = jax.random.normal(keys[2], (*taps, 8, 4))

  def theirs(x, whole, strip):
    y = plain(x, whole, 1)
    return y, y, plain(x, strip, strips)

  def ours(x, whole, strip):
    alone = convolution.convolve(x, whole)
    return alone, *convolution.convolve_with_strips(x, whole, strip, strips)

  expected = both(theirs)(x, whole, strip)
  for lowering in convolution.LOWERINGS:
    if lowering == 'winograd' and taps[0] != 3:
      continue  # Lowered to frames.
    with convolution.lowered(lowering):
      found = both(ours)(x, whole, strip)
    jax.tree.map(
      lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-3),
      found,
      expected,
    )


@pytest.mark.parametrize('taps', KERNELS[:4])
def test_float64_is_exact_in_every_lowering(taps):
  rng = np.random.default_rng(0)
  with jax.enable_x64(True):
    x = jnp.asarray(rng.standard_normal((2, 5, 8, 6, 8)))
    kernel = jnp.asarray(rng.standard_normal((*taps, 8, 4)))
    expected, *others = (
      np.asarray(convolution.convolve(x, kernel, lowering=lowering))
      for lowering in convolution.LOWERINGS
    )
  for found in others:
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize('size', ((8, 6), (7, 5), (1, 2)))
def test_float64_strides_as_float32_does(size):
  rng = np.random.default_rng(0)
  with jax.enable_x64(True):
    x = jnp.asarray(rng.standard_normal((2, *size, 3)))
    kernel = jnp.asarray(rng.standard_normal((3, 5, 3, 4)))
    wide = products.convolve(x, kernel, strides=(2, 1))
    narrow = products.convolve(
      x.astype(jnp.float32), kernel.astype(jnp.float32), strides=(2, 1)
    )
    assert wide.shape == (2, -(-size[0] // 2), size[1], 4)
    np.testing.assert_allclose(narrow, wide, rtol=0, atol=1e-4)


@pytest.mark.parametrize('taps', ((3, 3, 3), (3, 1, 1), (1, 3, 3)))
def test_every_lowering_takes_strides(taps):
  x = jax.random.normal(jax.random.key(0), (2, 5, 8, 5, 8))
  kernel = jax.random.normal(jax.random.key(1), (*taps, 8, 4))
  whole = convolution.convolve(x, kernel, lowering='native')
  for lowering in convolution.LOWERINGS:
    found = convolution.convolve(x, kernel, stride=2, lowering=lowering)
    assert found.shape == (2, 5, 4, 3, 4)
    np.testing.assert_allclose(
      found, whole[:, :, ::2, ::2], rtol=1e-4, atol=1e-3
    )


def test_a_kernel_of_images_sees_each_frame_by_itself():
  x = jax.random.normal(jax.random.key(0), (2, 5, 8, 5, 8))
  kernel = jax.random.normal(jax.random.key(1), (3, 3, 8, 4))
  np.testing.assert_array_equal(
    convolution.convolve(x, kernel)[1, 3:4],
    convolution.convolve(x[1:, 3:4], kernel[None])[0],
  )


@pytest.mark.parametrize('frames', (1, 2, 3, 4, 6, 8))
def test_winograd_of_any_number_of_frames(frames):
  x = jax.random.normal(jax.random.key(0), (2, frames, 4, 4, 8))
  kernel = jax.random.normal(jax.random.key(1), (3, 3, 3, 8, 2))
  found = convolution.convolve(x, kernel, lowering='winograd')
  expected = convolution.convolve(x, kernel, lowering='native')
  np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)


def test_winograd_keeps_what_is_not_finite():
  kernel = jnp.ones((3, 1, 1, 8, 1))
  x = jnp.ones((1, 8, 1, 1, 8))
  for value in (jnp.nan, jnp.inf):
    for broken in ((x.at[0, 0].set(value), kernel), (x, kernel * value)):
      y = convolution.convolve(*broken, lowering='winograd')
      assert not np.isfinite(y[0, 0]).any()


def test_what_winograd_mixes_is_computed_once():
  x, kernel = jnp.ones((1, 8, 4, 4, 8)), jnp.ones((3, 3, 3, 8, 2))
  convolve = functools.partial(convolution.convolve, lowering='winograd')
  compiled = jax.jit(convolve).lower(x, kernel).compile()
  # The frames and the results; XLA would take a branch that it sees through.
  assert compiled.as_text().count(' conditional(') == 2


@pytest.mark.parametrize(
  ('platform', 'dimensions'), (('cpu', {2}), ('cuda', {3}), ('tpu', {3}))
)
def test_a_portable_program_has_each_platforms_own(platform, dimensions):
  x, kernel = jnp.ones((1, 8, 4, 4, 8)), jnp.ones((3, 3, 3, 8, 2))

  def both(x, kernel):
    alone = convolution.convolve(x, kernel, stride=2)
    return alone, convolution.convolve_with_strips(x, kernel, kernel, 2)

  with convolution.lowered(convolution.PORTABLE):
    text = export.export(jax.jit(both), platforms=[platform])(x, kernel)
    text = text.mlir_module()
  places = re.findall(r'dim_numbers = \[b, ([\d, ]*), f\]', text)
  assert {len(each.split(',')) for each in places} == dimensions


def test_platform_and_dtype_decide():
  assert convolution.default_lowering('cpu') == 'winograd'
  assert convolution.default_lowering('cpu', jnp.bfloat16) == 'frames'
  assert convolution.default_lowering('tpu') == 'native'
  assert convolution.default_lowering() in convolution.LOWERINGS


@pytest.mark.parametrize(
  ('strips', 'lowering', 'sentence'),
  (
    (3, None, '3 strips do not divide a height of 8'),
    (2, 'fast', "no convolution lowering 'fast'"),
  ),
)
def test_what_cannot_be_convolved(strips, lowering, sentence):
  x, kernel = jnp.ones((1, 2, 8, 4, 1)), jnp.ones((1, 5, 1, 1, 1))
  with pytest.raises(ValueError, match=sentence):
    convolution.convolve_with_strips(
      x, kernel, kernel, strips, lowering=lowering
    )
