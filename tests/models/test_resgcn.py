"""What is ResGCN's own: its initial weights, its activations, its errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from gaitgs_jax.models import resgcn


def create(**config):
  sizes = dict(
    branches=2,
    inputs=3,
    blocks=(1, 1, 1),
    reduction=2,
    channels=(8, 4, 8, 12),
    features=6,
    dtype=jnp.float32,
  )
  return resgcn.ResGCN('coco17', rngs=nnx.Rngs(0), **sizes | config)


def test_initial_weights_follow_the_released_rule():
  network = create(channels=(64, 32, 128, 256), reduction=4, features=128)
  # The fan out counts taps: 64 outputs x 9, and 3 x 64 for the three hops.
  plain = network.branches[0].plain
  temporal = plain.temporal.convolution.kernel[...]
  assert temporal.std() == pytest.approx(np.sqrt(2 / (9 * 64)), rel=2e-2)
  mix = plain.spatial.convolution.mix.kernel[...]
  assert mix.std() == pytest.approx(np.sqrt(2 / (3 * 64)), rel=1e-1)
  assert network.head[...].std() == pytest.approx(1e-3, rel=2e-2)
  assert np.all(plain.spatial.convolution.edge[...] == 1)
  for block in (*network.branches[0].blocks, *network.main):
    for part in (block.spatial, block.temporal):
      assert np.all(part.up.norm.scale[...] == 0)
      assert np.all(part.down.norm.scale[...] == 1)


def test_strides_halve_the_frames_twice_rounding_up():
  network = create()
  for frames in range(1, 10):
    maps, mask = jax.eval_shape(
      lambda x, m: network.maps(x, m, train=False),
      jnp.zeros((1, frames, 17, 2, 3)),
      jnp.ones((1, frames), bool),
    )
    assert maps.shape[1] == mask.shape[1] == (frames + 3) // 4


def test_activations_are_the_heads_outputs_at_each_place():
  network = create()
  x = jax.random.normal(jax.random.key(0), (2, 9, 17, 2, 3))
  mask = jnp.asarray(np.arange(9)[None] < np.array([[9], [5]]))
  found = np.asarray(network.activations(x, mask))
  maps, _ = network.maps(x, mask, train=False)
  each = np.asarray(maps) @ np.asarray(network.head[...])
  for n, length in enumerate((9, 5)):
    frames = np.maximum(each[n, : -(-length // 4)], 0).max(axis=-1)
    expected = np.repeat(frames / frames.max(), 4, axis=0)[:length]
    np.testing.assert_allclose(found[n, :length], expected, atol=1e-6)
    assert found[n, :length].max() == pytest.approx(1)
    assert found.dtype == np.float32


def test_activations_of_a_blank_network_are_zero():
  network = create()
  network.head[...] = jnp.zeros_like(network.head[...])
  x, mask = jnp.ones((1, 5, 17, 2, 3)), jnp.ones((1, 5), bool)
  assert np.all(network.activations(x, mask) == 0)


@pytest.mark.parametrize(
  'sizes',
  (dict(blocks=(1, 1)), dict(blocks=(1, 0, 1)), dict(channels=(8, 4, 8))),
)
def test_wrong_sizes_are_told(sizes):
  with pytest.raises(ValueError, match='3 numbers from 1 and channels 4'):
    create(**sizes)
