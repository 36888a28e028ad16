import pathlib
import subprocess
import sys

import jax
import numpy as np
import optax
import pytest
from flax import nnx
from training import tiny

from gaitgs_jax import losses
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import augment
from gaitgs_jax.training import meshes, optimizers, states, steps

LOSSES = {'triplet': {'weight': 1.0, 'margin': 0.25}, 'view': {'weight': 0.2}}


def _batch(rows=8, seed=0):
  random = np.random.default_rng(seed)
  mask = np.ones((rows, 5), bool)
  mask[1, 3:] = False
  return {
    'silhouettes': random.integers(0, 256, (rows, 5, 8, 10), np.uint8),
    'mask': mask,
    'subject': np.arange(rows, dtype=np.int32) // 2,
    'view': random.integers(0, 11, rows, np.int32),
    'sequence': np.arange(rows, dtype=np.int32),
  }


def _parts(**model):
  optimizer, _ = optimizers.create(
    dict(name='adam', learning_rate=1e-2, weight_decay=5e-4),
    dict(name='constant'),
    10,
  )
  graphdef, params, stats = states.split(tiny.Tiny(rngs=nnx.Rngs(0), **model))
  return graphdef, states.create(params, stats, optimizer), optimizer


def _step(graphdef, optimizer, **options):
  return steps.make_train_step(
    graphdef,
    losses.create(LOSSES),
    optimizer,
    **{'sizes': {'silhouettes': tiny.SIZE}, **options},
  )


def _train(count, devices=None, augment=augment.keep):
  """Returns the state and the metrics after some steps."""
  graphdef, state, optimizer = _parts()
  shardings = None
  if devices is not None:
    shardings = meshes.shardings(state, devices)
    state = jax.device_put(state, shardings)
  step = _step(graphdef, optimizer, augment=augment, shardings=shardings)
  for number in range(count):
    batch = _batch(seed=number)
    if devices is not None:
      batch = jax.device_put(batch, meshes.over_data(devices))
    state, metrics = step(state, batch, jax.random.key(3))
  return state, metrics


def test_a_step_is_the_gradient_of_the_loss():
  graphdef, state, _ = _parts(dropout=0.0)
  optimizer = optax.sgd(0.5)
  state = states.create(state.params, state.stats, optimizer)
  batch = _batch()
  before = jax.tree.map(np.asarray, state.params)

  def loss(params):
    model = states.join(graphdef, params, state.stats)
    inputs = batch['silhouettes'][..., 2:-2, None].astype(np.float32) / 255
    key = jax.random.key(0)
    output = model(inputs, batch['mask'], train=True, key=key)
    return losses.create(LOSSES)(output, batch)[0]

  value, grads = jax.jit(jax.value_and_grad(loss))(state.params)
  step = _step(graphdef, optimizer)
  after, metrics = step(state, batch, jax.random.key(0))
  np.testing.assert_allclose(metrics['loss'], value, rtol=1e-5)
  jax.tree.map(
    lambda new, old, grad: np.testing.assert_allclose(
      new, old - 0.5 * grad, rtol=1e-4, atol=1e-5
    ),
    after.params,
    before,
    grads,
  )
  assert int(after.step) == 1


def test_metrics_name_every_term_unweighted():
  _, metrics = _train(1)
  assert {'loss', 'grad_norm', 'triplet', 'triplet_active', 'view'} <= set(
    metrics
  )
  total = metrics['triplet'] + 0.2 * metrics['view']
  np.testing.assert_allclose(metrics['loss'], total, rtol=1e-6)


def test_running_statistics_move():
  _, start, _ = _parts()
  before = np.asarray(start.stats['norm']['mean'])
  state, _ = _train(1)
  assert not np.allclose(state.stats['norm']['mean'], before)


def test_each_step_drops_out_anew():
  graphdef, state, _ = _parts()
  optimizer = optax.sgd(0.0)
  state = states.create(state.params, state.stats, optimizer)
  step = _step(graphdef, optimizer)
  seen = []
  for _ in range(2):
    state, metrics = step(state, _batch(), jax.random.key(0))
    seen.append(float(metrics['triplet']))
  assert seen[0] != seen[1]


def test_the_state_is_donated():
  graphdef, state, optimizer = _parts()
  step = _step(graphdef, optimizer)
  step(state, _batch(), jax.random.key(0))
  assert all(leaf.is_deleted() for leaf in jax.tree.leaves(state.params))


@pytest.mark.parametrize('shape', [(4, 1), (2, 2)])
def test_several_devices_compute_what_one_does(shape):
  one, metrics = _train(3)
  many, sharded = _train(3, meshes.create(*shape))
  # The losses and BatchNorm see the whole batch, not a device's part.
  np.testing.assert_allclose(sharded['loss'], metrics['loss'], rtol=1e-5)
  jax.tree.map(
    lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-5),
    many.params,
    one.params,
  )
  jax.tree.map(
    lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-5),
    many.stats,
    one.stats,
  )


def test_augmentation_changes_the_batch():
  _, plain = _train(1)
  chosen = (dict(name='shift', share=0.2), dict(name='random_erasing'))
  _, changed = _train(1, augment=augment.create(chosen))
  assert float(plain['loss']) != float(changed['loss'])


def test_frames_of_another_size_are_refused():
  graphdef, state, optimizer = _parts()
  step = _step(graphdef, optimizer, sizes={'silhouettes': (16, 10)})
  with pytest.raises(UserError, match=r'8x10.*size 16x10 cannot be cut'):
    step(state, _batch(), jax.random.key(0))


WITHOUT_TENSORFLOW = """
import sys
for name in ('tensorflow', 'tensorflow_datasets', 'clu'):
  sys.modules[name] = None
sys.path.insert(0, 'tests')
import numpy as np
from training import test_steps, tiny
from gaitgs_jax import models
from gaitgs_jax.training import loop

state, metrics = test_steps._train(2)
assert np.isfinite(metrics['loss'])
models.create = tiny.create
config = tiny.get_config(sys.argv[1])
config.tensorboard = True
loop.train(config, sys.argv[2])
"""


def test_training_needs_no_tensorflow(tree, tmp_path):
  done = subprocess.run(
    [sys.executable, '-c', WITHOUT_TENSORFLOW, str(tree), str(tmp_path)],
    capture_output=True,
    text=True,
    cwd=pathlib.Path(__file__).parents[2],
    env=tiny.environment(),
  )
  assert done.returncode == 0, done.stderr
  assert 'trained 6 steps' in done.stdout
