"""What is GaitGS's own: its initial weights, its options and its errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from gaitgs_jax import models
from gaitgs_jax.models import attention, gaitgs

SMALL = dict(
  channels=(2, 4, 8), parts=2, strips=2, heads=2, depth=2, features=4
)


@jax.jit
def forward(model, x):
  return model(x)


def create(**config):
  return models.create('gaitgs', rngs=nnx.Rngs(0), **config)


def test_initial_weights_follow_torchs_rule():
  model = create()
  cube = model.extractor.fine[1].whole.cube[...]  # 64 -> 128, 27 taps.
  bound = np.sqrt(6 / (27 * (64 + 128)))
  assert np.abs(cube).max() == pytest.approx(bound, rel=1e-3)
  assert cube.std() == pytest.approx(bound / np.sqrt(3), rel=1e-2)
  # Torch takes the parts, axis 0, for outputs.
  dense = model.fine.local.kernel[...]
  assert dense.std() == pytest.approx(np.sqrt(2 / (256 * (128 + 32))), rel=1e-2)
  motion = model.fine.motion.short_in[...]
  assert motion.std() == pytest.approx(np.sqrt(2 / (3 * (128 + 32))), rel=1e-2)
  layers = model.fine.layers
  np.testing.assert_array_equal(
    layers[0].attend_in[...], layers[2].attend_in[...]
  )
  assert np.any(layers[0].attend_out[...] != layers[2].attend_out[...])
  assert model.fine.token[...].std() == pytest.approx(1, rel=5e-2)


def test_the_seed_alone_decides_the_weights():
  one, same = create(**SMALL), create(**SMALL)
  jax.tree.map(np.testing.assert_array_equal, nnx.state(one), nnx.state(same))
  other = models.create('gaitgs', rngs=nnx.Rngs(1), **SMALL)
  assert np.any(one.extractor.first[...] != other.extractor.first[...])


def test_shrink_averages_pixels_first():
  x = jax.random.uniform(jax.random.key(0), (1, 4, 16, 12, 1))
  mean = x.reshape(1, 4, 8, 2, 6, 2, 1).mean(axis=(3, 5))
  full, half = create(**SMALL), create(**SMALL, shrink=2)
  found, expected = forward(half, x), forward(full, mean)
  np.testing.assert_allclose(found.embedding, expected.embedding, atol=1e-6)


@pytest.mark.parametrize('channels', ((2, 4), (2, 4, 8, 16, 32)))
def test_wrong_channels_are_told(channels):
  with pytest.raises(ValueError, match='3 or 4 widths'):
    create(**SMALL | {'channels': channels})


def test_heights_that_cannot_be_cut_are_told():
  with pytest.raises(ValueError, match='do not divide'):
    jax.eval_shape(create(**SMALL), jnp.zeros((1, 3, 10, 8, 1)))


def test_a_long_sequence_in_windows_is_the_sequence_as_a_whole(monkeypatch):
  model = create(**SMALL | {'channels': (2, 4, 4, 4)})
  random = np.random.default_rng(0)
  x = jnp.asarray(random.random((3, 32, 16, 8, 1)), jnp.float32)
  # Ends within a window, on its border and within a unit; gaps come out.
  mask = np.arange(32) < np.array([[32], [24], [16]])
  mask[2, 5] = False
  mask = jnp.asarray(mask)
  whole = jax.jit(lambda model: model(x, mask))(model)
  monkeypatch.setattr(gaitgs, '_LONGEST', 10)
  monkeypatch.setattr(gaitgs, '_WINDOW', 12)
  monkeypatch.setattr(attention, '_MOST_SCORES', 3 * 4 * 2 * 33 * 5)
  windows = jax.jit(lambda model: model(x, mask))(model)
  np.testing.assert_allclose(
    windows.embedding, whole.embedding, atol=1e-5 * abs(whole.embedding).max()
  )
  np.testing.assert_allclose(
    windows.extras['view_logits'], whole.extras['view_logits'], rtol=1e-5
  )


def test_the_memory_of_a_long_sequence_is_that_of_its_windows(monkeypatch):
  monkeypatch.setattr(gaitgs, '_LONGEST', 60)
  monkeypatch.setattr(gaitgs, '_WINDOW', 30)
  monkeypatch.setattr(attention, '_MOST_SCORES', 1 << 14)
  model = create(**SMALL)
  graphdef, state = nnx.split(model)

  def embed(state, x):
    return nnx.merge(graphdef, state)(x, None).embedding

  def temporaries(frames):
    x = jax.ShapeDtypeStruct((1, frames, 16, 8, 1), jnp.float32)
    compiled = jax.jit(embed).lower(state, x).compile()
    return compiled.memory_analysis().temp_size_in_bytes / frames

  assert temporaries(600) < temporaries(60) / 2
