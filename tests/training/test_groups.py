"""Weights that learn in another way than the rest."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from training import tiny

from gaitgs_jax import models
from gaitgs_jax.errors import UserError
from gaitgs_jax.models import norms
from gaitgs_jax.training import (
  averaging,
  checkpoint,
  groups,
  loop,
  meshes,
  optimizers,
  setup,
)

PARAMS = {
  'body': {'kernel': jnp.float32(1.0), 'bias': jnp.float32(1.0)},
  'head': {'kernel': jnp.float32(1.0)},
}


def _step(gradients=PARAMS, **options):
  """Returns the weights after a step of rate 0.1, and the state."""
  chosen = dict(name='sgd', learning_rate=0.1, momentum=0.0) | options
  transform, _ = optimizers.create(chosen, dict(name='constant'), 10)
  state = transform.init(PARAMS)
  updates, state = transform.update(gradients, state, PARAMS)
  return optax.apply_updates(PARAMS, updates), state


def test_rates_of_several_groups_are_multiplied():
  after, _ = _step(
    groups=dict(
      slow=dict(paths='body/*', rate=0.5),
      biases=dict(paths=('*/bias', 'nothing'), rate=2.0),
    )
  )
  assert after['body']['kernel'] == pytest.approx(1 - 0.1 * 0.5)
  assert after['body']['bias'] == pytest.approx(1 - 0.1 * 0.5 * 2)
  assert after['head']['kernel'] == pytest.approx(1 - 0.1)


@pytest.mark.parametrize('name', optimizers.OPTIMIZERS)
def test_a_group_may_be_exempt_from_the_decay(name):
  chosen = dict(
    name=name,
    learning_rate=0.1,
    weight_decay=0.5,
    groups=dict(plain=dict(paths='*/bias', decay=False)),
  )
  transform, _ = optimizers.create(chosen, dict(name='constant'), 10)
  zero = jax.tree.map(jnp.zeros_like, PARAMS)
  updates, _ = transform.update(zero, transform.init(PARAMS), PARAMS)
  assert updates['body']['bias'] == 0
  assert updates['body']['kernel'] < 0 and updates['head']['kernel'] < 0


def test_frozen_weights_stay_and_have_no_moments():
  after, state = _step(
    momentum=0.9,
    weight_decay=0.5,
    groups=dict(body=dict(paths='body/*', rate=0)),
  )
  assert after['body'] == PARAMS['body']
  assert after['head']['kernel'] == pytest.approx(1 - 0.1 * 1.5)
  assert sum(leaf.size for leaf in jax.tree.leaves(state)) == 2  # And a count.


def test_without_groups_the_state_is_what_it_was():
  plain, _ = optimizers.create(
    dict(name='adam', learning_rate=0.1), dict(name='constant'), 10
  )
  names = set(groups.paths.flatten(plain.init(PARAMS)))
  assert names >= {'1/mu/body/kernel', '1/nu/head/kernel', '1/count'}


def test_gradients_are_scaled_down_to_the_largest_norm():
  # Together they have the norm 5 * sqrt(3); 0.1 / sqrt(3) of each is left.
  gradients = jax.tree.map(lambda x: 5 * x, PARAMS)
  after, _ = _step(gradients, clip_norm=1.0)
  assert after['head']['kernel'] == pytest.approx(1 - 0.1 / 3**0.5)
  after, _ = _step(gradients, clip_norm=100.0)
  assert after['head']['kernel'] == pytest.approx(0.5)


@pytest.mark.parametrize(
  ('options', 'words'),
  [
    (dict(groups=3), 'groups is 3; it must be a section of groups'),
    (dict(groups=dict(x=3)), 'groups.x is 3; it must be a section, such as'),
    (dict(groups=dict(x=dict(rate=1))), 'groups.x lacks paths'),
    (dict(groups=dict(x=dict(paths='*', rat=1))), "did you mean 'rate'"),
    (dict(groups=dict(x=dict(paths=3))), 'paths is 3; it must be text or a tu'),
    (dict(groups=dict(x=dict(paths='*', rate=-1))), 'rate is -1; .* 0 or more'),
    (dict(clip_norm='x'), "optimizer.clip_norm is 'x'; it must be a finite"),
  ],
)
def test_a_wrong_group_is_told(options, words):
  with pytest.raises(UserError, match=words):
    _step(**options)


@pytest.mark.parametrize(
  ('group', 'words'),
  [
    (dict(paths='layer/*'), r"'layer/\*' fits no .* mean 'layers'\?\); their"),
    (dict(paths='*', rate=0), 'freezes every weight'),
    (dict(paths='layers/*', statistics=False), 'fits no BatchNorm layer'),
    (dict(paths='norm/*', statistics=False), 'of norm cannot be held'),
  ],
)
def test_a_group_of_no_weight_is_told_before_any_work(config, group, words):
  config.optimizer.groups = dict(x=group)
  with pytest.raises(UserError, match=words):
    setup.describe_state(config, meshes.create(1))


def test_statistics_of_a_group_are_held(monkeypatch):
  class Two(nnx.Module):
    def __init__(self):
      self.body = nnx.List([norms.BatchNorm(2)])
      self.head = norms.BatchNorm(2)

  monkeypatch.setattr(models, 'create', lambda *_, **__: Two())
  config = tiny.get_config()
  config.optimizer.groups = dict(x=dict(paths='body/*', statistics=False))
  model = setup.create_model(config)
  assert model.body[0].frozen and not model.head.frozen
  evaluated = setup.create_model(config, training=False)
  assert not evaluated.body[0].frozen


def test_a_frozen_part_stays_bit_for_bit_in_a_run(config, tmp_path):
  config.total_steps, config.evaluation.protocol = 2, ''
  config.checkpoint.every_steps = 2
  config.optimizer.groups = dict(body=dict(paths='layers/*', rate=0))
  config.optimizer.clip_norm = 1.0
  config.teacher = dict(momentum=0.5)
  config.losses.near = dict(kind='triplet', margin=0.2, features='features')
  config.losses.far = dict(
    kind='triplet', margin=0.2, features='teacher/features', weight=0.0
  )
  loop.train(config, tmp_path)
  _, like = setup.describe_state(config, meshes.create(1))
  start = setup.create_state(config, like)
  transform, _ = setup.create_optimizer(config)
  with checkpoint.Checkpoints(tmp_path) as checkpoints:
    state = checkpoints.restore(2, like, transform)
  jax.tree.map(
    np.testing.assert_array_equal,
    state.params['layers'],
    start.params['layers'],
  )
  assert not np.array_equal(
    state.params['views']['kernel'], start.params['views']['kernel']
  )
  teacher = averaging.teacher_of(state.opt_state)
  assert not np.array_equal(
    teacher['views']['kernel'], state.params['views']['kernel']
  )
  np.testing.assert_array_equal(
    teacher['layers'][0]['kernel'], start.params['layers'][0]['kernel']
  )
  names, *rows = (tmp_path / 'metrics.csv').read_text().splitlines()
  row = dict(zip(names.split(','), rows[-1].split(','), strict=True))
  # The teacher's features, with a dropout of its own.
  assert float(row['far']) > 0
  assert row['far'] != row['near']
