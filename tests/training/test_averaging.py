import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from gaitgs_jax.errors import UserError
from gaitgs_jax.models import norms
from gaitgs_jax.training import (
  averaging,
  checkpoint,
  loop,
  meshes,
  restoring,
  setup,
  states,
  steps,
)


def _means(start, every, gradients, first=0.0):
  """Returns the weight and its mean after each number of updates."""
  transform = optax.chain(optax.sgd(1.0), averaging.average(start, every))
  params = {'w': jnp.float32(first)}
  state = transform.init(params)
  seen = [(first, float(averaging.mean_of(state)['w']))]
  for gradient in gradients:
    updates, state = transform.update(
      {'w': jnp.float32(gradient)}, state, params
    )
    params = optax.apply_updates(params, updates)
    seen.append((float(params['w']), float(averaging.mean_of(state)['w'])))
  return tuple(zip(*seen, strict=True))


@pytest.mark.parametrize('start', [0, 1, 3])
@pytest.mark.parametrize('every', [1, 2, 5])
def test_the_mean_is_of_every_nth_weight_from_the_start_on(start, every):
  gradients = (1.0, -2.0, 3.0, 5.0, -7.0, 11.0, 13.0)
  weights, means = _means(start, every, gradients, first=20.0)
  for made in range(start + 1, len(weights)):
    expected = np.mean(weights[start:made:every])
    assert means[made] == pytest.approx(expected)


@pytest.mark.parametrize('start', [0, 1, 3])
@pytest.mark.parametrize('every', [1, 2])
def test_the_mean_of_a_constant_is_the_constant(start, every):
  _, means = _means(start, every, [0.0] * 6, first=1.0)
  assert set(means[start + 1 :]) == {1.0}


def test_a_part_of_the_run_starts_at_its_own_step(config, monkeypatch):
  """0.29 * 100 is 28.999999999999996."""
  starts = []
  monkeypatch.setattr(
    averaging,
    'average',
    lambda start, _: starts.append(start) or optax.identity(),
  )
  config.average.start, config.total_steps = 0.29, 100
  setup.create_optimizer(config)
  config.average.start = 0.999
  setup.create_optimizer(config)
  assert starts == [29, 99]


def test_an_optimizer_without_a_mean_has_none():
  assert averaging.mean_of(optax.adam(0.1).init({'w': jnp.ones(2)})) is None


def _final(config, workdir):
  graphdef, like = setup.describe_state(config, meshes.create(1))
  del graphdef
  found = checkpoint.find(workdir)
  return restoring.restore_model(found, like.params, like.stats)


def test_a_run_ends_with_the_mean_of_its_last_weights(config, tmp_path):
  config.total_steps, config.checkpoint.every_steps = 5, 1
  config.evaluation.protocol = ''
  loop.train(config, tmp_path / 'plain')
  plain = tmp_path / 'plain' / 'checkpoints'
  each = [_final(config, plain / str(step))[1] for step in (4, 5)]
  # A mean of the weights after four and five of six steps.
  config.total_steps = 6
  config.average.start, config.average.statistics_steps = 4 / 6, 3
  loop.train(config, tmp_path / 'mean')
  step, params, stats = _final(config, tmp_path / 'mean')
  assert step == 6
  jax.tree.map(
    lambda x, y, z: np.testing.assert_allclose(x, (y + z) / 2, rtol=1e-5),
    params,
    *each,
  )
  old = _final(config, plain)[2]
  assert any(
    not np.array_equal(x, y)
    for x, y in zip(jax.tree.leaves(stats), jax.tree.leaves(old), strict=True)
  )


def test_a_teacher_follows_the_weights():
  transform = optax.chain(optax.sgd(1.0), averaging.teacher(momentum=0.75))
  params = {'w': jnp.float32(8)}
  state, expected = transform.init(params), 8.0
  for gradient in (1.0, -2.0, 4.0):
    updates, state = transform.update(
      {'w': jnp.float32(gradient)}, state, params
    )
    params = optax.apply_updates(params, updates)
    expected = 0.75 * expected + 0.25 * float(params['w'])
    assert averaging.teacher_of(state)['w'] == pytest.approx(expected)
  assert averaging.teacher_of(optax.adam(0.1).init(params)) is None


def test_a_teacher_of_more_than_all_is_told(config):
  config.teacher = dict(momentum=1.5)
  with pytest.raises(UserError, match=r'config.teacher: momentum is 1.5'):
    setup.create_optimizer(config)


class Normed(nnx.Module):
  def __init__(self):
    self.norm = norms.BatchNorm(1)

  def __call__(self, inputs, mask, *, train, key):
    self.norm(inputs.mean(axis=(1, 2, 3)), train=train)


def test_the_statistics_are_the_mean_of_the_batches():
  graphdef, params, stats = states.split(Normed())
  state = states.create(params, stats, optax.sgd(1.0))
  refresh = steps.make_refresh(graphdef, sizes={'silhouettes': (2, 2)})
  random = np.random.default_rng(0)
  seen = []
  for number in range(3):
    frames = random.integers(0, 256, (4, 3, 2, 2), np.uint8)
    batch = {'silhouettes': frames, 'mask': np.ones((4, 3), bool)}
    share = np.float32(1 / (number + 1))
    state = refresh(state, batch, jax.random.key(0), share)
    seen.append(frames.mean(axis=(1, 2, 3)) / 255)
  norm = state.stats['norm']
  mean, variance = np.mean(seen, 1), np.var(seen, 1, ddof=1)
  np.testing.assert_allclose(norm['mean'], [mean.mean()], rtol=1e-5)
  np.testing.assert_allclose(norm['variance'], [variance.mean()], rtol=1e-4)


def test_a_frozen_layer_uses_and_keeps_its_statistics():
  norm = norms.BatchNorm(3)
  norm.mean[...], norm.variance[...] = jnp.full(3, 2.0), jnp.full(3, 4.0)
  x = jnp.arange(12.0).reshape(4, 3)
  expected = norm(x, train=False)
  norm.frozen = True
  np.testing.assert_array_equal(norm(x, train=True), expected)
  np.testing.assert_array_equal(norm.mean[...], jnp.full(3, 2.0))
  np.testing.assert_array_equal(norm.variance[...], jnp.full(3, 4.0))


@pytest.mark.parametrize(
  ('field', 'value', 'words'),
  [
    ('start', -0.1, 'start is -0.1; .* 0 or more'),
    ('start', 1.5, 'start is 1.5; .* a part of the run, 0 to 1'),
    ('every', 0, 'every is 0; .* from 1 to'),
  ],
)
def test_a_wrong_average_is_told(config, tmp_path, field, value, words):
  config.average[field] = value
  with pytest.raises(UserError, match=f'config.average.{words}'):
    loop.train(config, tmp_path)
