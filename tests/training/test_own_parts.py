import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from training import tiny

from gaitgs_jax.errors import UserError
from gaitgs_jax.training import (
  evaluating,
  loop,
  meshes,
  preprocessing,
  settings,
  setup,
)

MODEL = """
import jax.numpy as jnp
from flax import nnx
from gaitgs_jax.models import GaitOutput

class Mean(nnx.Module):
  def __init__(self, *, features: int = 4, dtype: str = 'float32', rngs):
    self.linear = nnx.Linear(6, features, rngs=rngs)

  def __call__(self, inputs, mask=None, *, train=False, key=None):
    x = self.linear(inputs[..., 0].mean(axis=1))
    return GaitOutput(x, x, None, {})

def create(*, rngs, **config) -> Mean:
  return Mean(rngs=rngs, **config)
"""
LOSS = """
import jax.numpy as jnp

def spread(output, batch, *, target: float):
  found = output.features.std()
  return jnp.square(found - target), {'found': found}
"""

# Modules with a slip of the pen, as they may have while they are written.
TRANSFORMS = """
import jax

def wiggle(x, key, *, amount: float = 0.1):
  return x + amount * jax.random.normal(key, x.shape)

def darken(x, *, by: float):
  return x * by

def odd(x, frames):
  return x

def taken(x, *, per: int = 3):
  return x

number = 3
"""
FAULTS = {
  'no_value': 'int("x")',
  'no_type': 'len(3)',
  'no_module': 'import my_gait_parts',
  'no_class': 'def create(*, rngs): ...',
  'no_name': """
from flax import nnx

def create(*, rngs) -> nnx.Module:
  return missing_name

def loss(output, batch):
  return output.features.no_attribute, {}
""",
}


@pytest.fixture
def own(tree, tmp_path, monkeypatch):
  """A config of a model and a loss in a package of the user's own."""
  folder = tmp_path / 'my_gait'
  folder.mkdir()
  (folder / 'mean.py').write_text(MODEL)
  (folder / 'losses.py').write_text(LOSS)
  (folder / 'transforms.py').write_text(TRANSFORMS)
  for name, code in FAULTS.items():
    (folder / f'{name}.py').write_text(code)
  monkeypatch.syspath_prepend(tmp_path)
  for name in [each for each in sys.modules if each.startswith('my_gait')]:
    monkeypatch.delitem(sys.modules, name)
  config = tiny.get_config(tree)
  config.model_name = 'my_gait.mean'
  config.total_steps = 3
  with config.unlocked():
    config.model = dict(features=5)
    config.losses = dict(
      triplet=dict(margin=0.25),
      width=dict(kind='my_gait.losses.spread', target=2.0, weight=0.1),
    )
  return config


def test_a_model_and_a_loss_of_ones_own_train(own, tmp_path, capsys):
  loop.train(own, tmp_path / 'run')
  header = (tmp_path / 'run' / 'metrics.csv').read_text().splitlines()[0]
  assert 'width_found' in header
  evaluating.evaluate(own, tmp_path / 'run')


@pytest.mark.parametrize(
  ('change', 'message'),
  [
    (dict(model_name='my_gait.men'), r"config.model_name: .*'my_gait.men'"),
    (dict(model_name='my_gait.losses'), 'that module defines no create'),
    (dict(model_name='my_gait.no_class'), r'create\(.*\) -> MyModel'),
    (dict(model=dict(feature=1)), r"'feature' .did you mean 'features'"),
    (
      dict(losses=dict(x=dict(kind='my_gait.losses.spred'))),
      r"config.losses.x: .*my_gait.losses has no 'spred'",
    ),
    (
      dict(losses=dict(x=dict(kind='my_gait.losses.jnp.pi'))),
      r"no module 'my_gait.losses.jnp'",
    ),
    (
      dict(losses=dict(x=dict(kind='my_gait.losses.spread'))),
      'config.losses.x lacks target',
    ),
  ],
)
def test_what_is_wrong_is_said(own, change, message):
  with own.unlocked():
    for name, value in change.items():
      own[name] = value
  with pytest.raises(UserError, match=message):
    setup.create_model(own)
    setup.create_losses(own)


@pytest.mark.parametrize(
  ('module', 'error'),
  [
    ('no_value', ValueError),
    ('no_type', TypeError),
    ('no_module', ImportError),
    ('no_name', NameError),
  ],
)
def test_a_fault_in_a_module_of_ones_own_keeps_its_traceback(
  own, module, error
):
  own.model_name = f'my_gait.{module}'
  with own.unlocked():
    own.model = {}
  with pytest.raises(error) as caught:
    setup.create_model(own)
  # A missing module is not one of this project's packages.
  assert not isinstance(caught.value, (UserError, ModuleNotFoundError))


def test_a_fault_in_a_loss_of_ones_own_keeps_its_traceback(own):
  with own.unlocked():
    own.losses = dict(x=dict(kind='my_gait.no_name.loss'))
  with pytest.raises(AttributeError, match='no_attribute'):
    setup.describe_state(own, meshes.create(1))


def _named(name, **options):
  return (dict(name=f'my_gait.transforms.{name}', **options),)


def test_a_transform_of_ones_own_has_probability_and_per(own):
  own.augment = (
    *_named('wiggle', probability=0.5, per='frame', amount=0.2),
    dict(name='horizontal_flip'),
  )
  settings.check(own)
  change = preprocessing.create_augmentation(own)
  x, mask = jnp.ones((3, 40, *tiny.SIZE, 1)), jnp.ones((3, 40), bool)
  y = change(x, mask, jax.random.key(0))[0]
  changed = np.asarray((y != 1).any(axis=(2, 3, 4)))
  assert 0.3 < changed.mean() < 0.7
  assert np.asarray(y[changed]).std() == pytest.approx(0.2, rel=0.1)
  own.evaluation.transform = _named('darken', by=0.5)
  change = preprocessing.create_transform(own)
  np.testing.assert_array_equal(change(x, mask)[0], x * 0.5)


@pytest.mark.parametrize(
  ('chosen', 'message'),
  [
    (_named('wigle'), r"config.augment\[0\]: .*transforms has no 'wigle'"),
    (_named('odd'), 'odd takes frames: after the frames a transform takes any'),
    (_named('taken'), "taken has an option 'per', which every transform has"),
    (_named('number'), 'number is not a function'),
    (_named('darken'), 'lacks by'),
    (_named('wiggle', amount='x'), 'amount is .x.; it must be a finite number'),
    (_named('darken', by=0.5, probability=2.0), 'probability is 2.0'),
    ((dict(name='my_gate.x.y'),), "no module 'my_gate'"),
  ],
)
def test_what_is_wrong_with_a_transform_is_said(own, chosen, message):
  own.augment = chosen
  settings.check(own)  # An evaluation needs no transform of training.
  with pytest.raises(UserError, match=message):
    preprocessing.create_augmentation(own)


def test_a_transform_that_draws_is_not_for_an_evaluation(own):
  own.evaluation.transform = _named('wiggle')
  with pytest.raises(
    UserError, match='is random, which an evaluation must not'
  ):
    preprocessing.create_transform(own)
