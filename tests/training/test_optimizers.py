import math

import jax.numpy as jnp
import ml_collections
import numpy as np
import optax
import pytest

from gaitgs_jax.errors import UserError
from gaitgs_jax.training import optimizers


def _run(name, gradients, *, rate=0.1, start=1.0, **fields):
  """Returns the weight after each gradient."""
  transform, _ = optimizers.create(
    dict(name=name, learning_rate=rate, **fields), dict(name='constant'), 10
  )
  params = {'w': jnp.float32(start)}
  state = transform.init(params)
  weights = []
  for gradient in gradients:
    updates, state = transform.update(
      {'w': jnp.float32(gradient)}, state, params
    )
    params = optax.apply_updates(params, updates)
    weights.append(float(params['w']))
  return weights


def _rates(schedule, steps, *, base=1.0, total=10):
  _, rate = optimizers.create(
    dict(name='adam', learning_rate=base), schedule, total
  )
  return [float(rate(jnp.int32(step))) for step in steps]


def test_adam_adds_the_decay_to_the_gradient():
  # One step of Adam has the size of the rate whatever the gradient, so decay
  # in the gradient can only turn its sign: -0.2 + 0.5 * 1 > 0.
  assert _run('adam', [-0.2], weight_decay=0.5) == pytest.approx([0.9])
  assert _run('adam', [-0.2]) == pytest.approx([1.1])


def test_two_adam_steps_by_hand():
  g1, g2 = 0.3 + 0.5 * 1.0, None
  w1 = 1.0 - 0.1 * g1 / (g1 + 1e-8)
  g2 = -0.7 + 0.5 * w1
  m = (0.9 * 0.1 * g1 + 0.1 * g2) / (1 - 0.9**2)
  v = (0.999 * 0.001 * g1**2 + 0.001 * g2**2) / (1 - 0.999**2)
  w2 = w1 - 0.1 * m / (math.sqrt(v) + 1e-8)
  result = _run('adam', [0.3, -0.7], weight_decay=0.5)
  np.testing.assert_allclose(result, [w1, w2], rtol=1e-5)


def test_adamw_shrinks_the_weight_itself():
  # 1 - 0.1 * (sign + 0.5 * 1)
  assert _run('adamw', [0.3], weight_decay=0.5) == pytest.approx([0.85])


def test_sgd_keeps_torchs_momentum_buffer():
  # Buffers: 1 + 0.1*1 = 1.1; w = 0.89; 0.9*1.1 + (2 + 0.089) = 3.079.
  result = _run('sgd', [1.0, 2.0], weight_decay=0.1, momentum=0.9)
  np.testing.assert_allclose(result, [0.89, 0.89 - 0.3079], rtol=1e-6)


def test_sgd_nesterov_looks_ahead():
  # The first step moves by g + 0.9 g.
  assert _run('sgd', [1.0], nesterov=True) == pytest.approx([0.81])


def test_step_schedule_falls_at_each_boundary():
  schedule = dict(name='step', boundaries=(3, 5), factor=0.1)
  rates = _rates(schedule, [0, 2, 3, 4, 5, 9], base=2.0)
  np.testing.assert_allclose(rates, [2, 2, 0.2, 0.2, 0.02, 0.02], rtol=1e-6)


def test_cosine_schedule_is_half_way_in_the_middle():
  rates = _rates(dict(name='cosine', final=0.2), [0, 5, 10])
  np.testing.assert_allclose(rates, [1.0, 0.6, 0.2], rtol=1e-6)


def test_cosine_schedule_may_fall_over_a_part_of_the_run():
  rates = _rates(dict(name='cosine', final=0.2, fall_steps=4), [0, 2, 4, 9])
  np.testing.assert_allclose(rates, [1.0, 0.6, 0.2, 0.2], rtol=1e-6)


def test_one_cycle_is_torchs():
  # Rises over updates 0..2 (0.3 * 10 - 1), falls until update 9; half-way up
  # is the mean of both ends.
  schedule = dict(name='one_cycle')
  first, last = 1 / 25, 1 / 25e4
  rates = _rates(schedule, [0, 1, 2, 9])
  np.testing.assert_allclose(
    rates, [first, (first + 1) / 2, 1, last], rtol=1e-5, atol=1e-7
  )
  third = last + (1 - last) * 0.5 * (1 + math.cos(math.pi / 7))
  assert _rates(schedule, [3]) == pytest.approx([third])


def test_one_cycle_of_three_phases_is_torchs():
  # torch OneCycleLR(max_lr=1, total_steps=20, pct_start=0.3, div_factor=100,
  # final_div_factor=1000, three_phase=True): up to update 5, down to update 10,
  # and farther to update 19.
  schedule = dict(name='one_cycle', rise=0.3, three_phases=True)
  schedule |= dict(divide_first=100, divide_last=1000)
  first, last = 1e-2, 1e-5
  rates = _rates(schedule, [0, 5, 10, 19], total=20)
  np.testing.assert_allclose(rates, [first, 1, first, last], rtol=1e-5)
  third = last + (first - last) * 0.5 * (1 + math.cos(math.pi / 3))
  assert _rates(schedule, [13], total=20) == pytest.approx([third])
  _, rate = optimizers.create(
    dict(name='adam', learning_rate=1.0), schedule, 20
  )
  betas = [float(rate.beta1(jnp.int32(step))) for step in (0, 5, 10, 14, 19)]
  assert betas == pytest.approx([0.95, 0.85, 0.95, 0.95, 0.95])
  # Half of the run each, and one update for the rest.
  rates = _rates(dict(schedule, rise=0.5), [0, 9, 18, 19], total=20)
  np.testing.assert_allclose(rates, [first, 1, first, last], rtol=1e-5)
  with pytest.raises(UserError, match=r'rise is 0\.6: with three_phases'):
    _rates(dict(schedule, rise=0.6), [0])


def test_warm_up_starts_above_zero_and_ends_on_time():
  rates = _rates(dict(name='constant', warmup_steps=4), [0, 1, 3, 4])
  np.testing.assert_allclose(rates, [0.25, 0.5, 1, 1])


def test_the_schedule_reaches_the_update():
  transform, _ = optimizers.create(
    dict(name='sgd', learning_rate=1.0, momentum=0.0),
    dict(name='step', boundaries=(1,), factor=0.5),
    2,
  )
  state = transform.init(jnp.float32(0))
  first, state = transform.update(jnp.float32(1), state, jnp.float32(0))
  second, _ = transform.update(jnp.float32(1), state, jnp.float32(0))
  assert (float(first), float(second)) == (-1.0, -0.5)


@pytest.mark.parametrize(
  'config, schedule, words',
  [
    (dict(name='adamm', learning_rate=1.0), dict(name='constant'), 'adamw'),
    (dict(name='adam'), dict(name='constant'), 'lacks learning_rate'),
    (
      dict(name='adam', learning_rate=1.0, weight_decy=1),
      dict(name='constant'),
      "did you mean 'weight_decay'",
    ),
    (dict(name='adam', learning_rate=1.0), dict(name='step'), 'boundaries'),
    (
      dict(name='adam', learning_rate=1.0),
      dict(name='constant', factor=1),
      "no field 'factor'",
    ),
  ],
)
def test_wrong_fields_are_named(config, schedule, words):
  config = ml_collections.ConfigDict(config)
  with pytest.raises(UserError, match=words):
    optimizers.create(config, ml_collections.ConfigDict(schedule), 10)


def test_one_cycle_moves_beta_against_the_rate_as_torch():
  # torch.optim.AdamW under OneCycleLR(max_lr=0.1, total_steps=10): the betas
  # at each step, and the moments computed with them.
  schedule = dict(name='one_cycle')
  _, rate = optimizers.create(
    dict(name='adamw', learning_rate=0.1), schedule, 10
  )
  betas = [float(rate.beta1(jnp.int32(step))) for step in range(10)]
  assert betas[0] == pytest.approx(0.95)
  assert min(betas) == pytest.approx(betas[2]) == pytest.approx(0.85)
  assert betas[-1] == pytest.approx(0.95)
  transform, rate = optimizers.create(
    dict(name='adamw', learning_rate=0.1, weight_decay=0.0, beta1='one_cycle'),
    schedule,
    10,
  )
  params = {'w': jnp.float32(1)}
  state, weight, m, v = transform.init(params), 1.0, 0.0, 0.0
  for step, gradient in enumerate((0.3, -0.7, 0.2, 0.9)):
    updates, state = transform.update(
      {'w': jnp.float32(gradient)}, state, params
    )
    params = optax.apply_updates(params, updates)
    beta = betas[step]
    m = beta * m + (1 - beta) * gradient
    v = 0.999 * v + 0.001 * gradient**2
    first = m / (1 - beta ** (step + 1))
    second = math.sqrt(v / (1 - 0.999 ** (step + 1)))
    weight -= float(rate(jnp.int32(step))) * first / (second + 1e-8)
    assert float(params['w']) == pytest.approx(weight, rel=1e-5)


def test_a_rate_may_be_held():
  rates = _rates(dict(name='one_cycle', hold=0.5), range(10))
  whole = _rates(dict(name='one_cycle'), range(10))
  assert rates[:6] == whole[:6]
  assert rates[5:] == [rates[5]] * 5


@pytest.mark.parametrize(
  ('beta1', 'schedule'), [('one_cycle', 'constant'), ('two', 'one_cycle')]
)
def test_a_beta_that_nothing_moves_is_told(beta1, schedule):
  with pytest.raises(UserError, match=r'beta1 is .* give a number, or one'):
    optimizers.create(
      dict(name='adamw', learning_rate=0.1, beta1=beta1),
      dict(name=schedule),
      10,
    )
