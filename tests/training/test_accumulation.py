"""The gradient of a batch in parts is that of the whole batch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gaitgs_jax import losses
from gaitgs_jax.models import GaitOutput
from gaitgs_jax.training import accumulation, meshes

SUBJECT = jnp.arange(16) // 4


def forward(params, stats, rows, key):
  x, mask = rows
  x = jnp.tanh(jnp.where(mask[:, :, None], x, 0.0).sum(axis=1) @ params['w'])
  x = x.reshape(len(x), 2, 4) * params['scale'][None]
  view = x.mean(axis=1) @ params['view']
  return GaitOutput(x, x, None, {'view_logits': view}), {
    'seen': stats['seen'] + 1
  }


def loss_fn(output):
  batch = {'subject': SUBJECT, 'view': SUBJECT % 3}
  chosen = {'triplet': {'margin': 0.25}, 'view': {'weight': 0.2}}
  return losses.create(chosen)(output, batch)


def arguments():
  keys = jax.random.split(jax.random.key(0), 4)
  params = {
    'w': jax.random.normal(keys[0], (6, 8)),
    'scale': jnp.ones((2, 4)),
    'view': jax.random.normal(keys[1], (4, 3)),
  }
  rows = (
    jax.random.normal(keys[2], (16, 5, 6)),
    jax.random.bernoulli(keys[3], 0.7, (16, 5)),
  )
  return params, {'seen': jnp.int32(0)}, rows, jax.random.key(1)


def compute(count, *given):
  return jax.jit(accumulation.value_and_grad(forward, loss_fn, count))(*given)


@pytest.mark.parametrize('count', (2, 4, 16))
def test_parts_give_the_gradient_of_the_whole(count):
  (loss, (terms, _)), grads = compute(1, *arguments())
  (found, (others, stats)), again = compute(count, *arguments())
  assert terms['triplet_active'] > 0
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5),
    (found, others, again),
    (loss, terms, grads),
  )
  assert stats['seen'] == count  # Statistics move once for each part.


def test_parts_of_a_batch_on_several_devices():
  mesh = meshes.create(4)
  params, stats, rows, key = arguments()
  expected = compute(1, params, stats, rows, key)
  params, stats, key = jax.device_put(
    (params, stats, key), meshes.replicated(mesh)
  )
  rows = jax.device_put(rows, meshes.over_data(mesh))
  found = compute(2, params, stats, rows, key)
  np.testing.assert_allclose(found[0][0], expected[0][0], rtol=1e-5)
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6),
    found[1],
    expected[1],
  )


def test_each_part_draws_anew():
  def drop(params, stats, rows, key):
    draw = jax.random.normal(key, rows.shape)
    return rows * params + draw, stats

  _, (draws, _) = accumulation.value_and_grad(
    drop, lambda output: (output.sum(), output), 2
  )(jnp.float32(0), {}, jnp.zeros(4), jax.random.key(0))[0]
  assert len(np.unique(draws)) == 4


def test_memory_falls_with_the_parts():
  def deep(params, stats, rows, key):
    for _ in range(8):
      rows = jnp.tanh(rows @ params)
    return rows, stats

  given = (jnp.eye(64), {}, jnp.ones((4096, 64)), jax.random.key(0))
  peak = [
    jax.jit(
      accumulation.value_and_grad(deep, lambda y: (jnp.square(y).sum(), ()), n)
    )
    .lower(*given)
    .compile()
    .memory_analysis()
    .temp_size_in_bytes
    for n in (1, 8)
  ]
  assert peak[1] < peak[0] / 2
