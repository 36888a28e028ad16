import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gaitgs_jax.errors import UserError
from gaitgs_jax.training import averaging, checkpoint, loop, setup
from gaitgs_jax.training import mesh as meshes


def test_the_mean_is_of_every_nth_weight_from_the_start_on():
  transform = optax.chain(optax.sgd(1.0), averaging.average(3, 2))
  params = {'w': jnp.float32(0)}
  state, seen = transform.init(params), []
  for gradient in (1.0, -2.0, 3.0, 5.0, -7.0, 11.0, 13.0):
    updates, state = transform.update(
      {'w': jnp.float32(gradient)}, state, params
    )
    params = optax.apply_updates(params, updates)
    seen.append(float(params['w']))
  expected = np.mean([seen[2], seen[4], seen[6]])
  assert float(averaging.mean_of(state)['w']) == pytest.approx(expected)


def test_an_optimizer_without_a_mean_has_none():
  assert averaging.mean_of(optax.adam(0.1).init({'w': jnp.ones(2)})) is None


def _final(config, workdir):
  graphdef, like = setup.describe_state(config, meshes.create(1))
  del graphdef
  found = checkpoint.find(workdir)
  return checkpoint.restore_model(found, like.params, like.stats)


def test_a_run_ends_with_the_mean_of_its_last_weights(config, tmp_path):
  config.total_steps, config.checkpoint.every_steps = 6, 1
  config.evaluation.protocol = ''
  each = []
  for steps in (5, 6):
    config.total_steps = steps
    loop.train(config, tmp_path / 'plain')
    each.append(_final(config, tmp_path / 'plain')[1])
  # A mean that starts with the fifth of six steps.
  config.average.start, config.average.statistics_steps = 5 / 6, 3
  loop.train(config, tmp_path / 'mean')
  step, params, stats = _final(config, tmp_path / 'mean')
  assert step == 6
  jax.tree.map(
    lambda x, y, z: np.testing.assert_allclose(x, (y + z) / 2, rtol=1e-5),
    params,
    *each,
  )
  old = _final(config, tmp_path / 'plain')[2]
  assert any(
    not np.array_equal(x, y)
    for x, y in zip(jax.tree.leaves(stats), jax.tree.leaves(old), strict=True)
  )


@pytest.mark.parametrize(('start', 'every'), [(-0.1, 1), (1.5, 1), (0.5, 0)])
def test_a_wrong_average_is_told(config, start, every):
  config.average.start, config.average.every = float(start), every
  with pytest.raises(UserError, match=r'config.average has start .* 0 to 1'):
    setup.create_optimizer(config)
