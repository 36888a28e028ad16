"""Runs that learn from several datasets and are evaluated on one."""

import csv
import json
import shutil

import jax
import numpy as np
import pytest
from training import tiny

from gaitgs_jax.errors import UserError
from gaitgs_jax.input import partitions
from gaitgs_jax.training import (
  checkpoint,
  checks,
  evaluating,
  facts,
  loop,
  meshes,
  restoring,
  resuming,
  setup,
)


@pytest.fixture(scope='module')
def corridor(tree, tmp_path_factory):
  """A tree of two people of one's own, called as two of the other tree."""
  root = tmp_path_factory.mktemp('own') / 'corridor'
  for subject in tiny.SUBJECTS[:2]:
    for walk, condition in enumerate(tiny.CONDITIONS):
      source = tree / subject / condition / '000'
      shutil.copytree(source, root / subject / f'walk{walk}' / 'door')
  return root


@pytest.fixture
def config(tree, corridor):
  config = tiny.get_config(tree)
  config.model_name = 'training.facts_model'
  config.losses.identity = dict(scale=16.0, smoothing=0.1)
  del config.model.num_views
  config.batch.mixture_power = 0.0
  config.mixture = dict(
    casia=config.dataset.to_dict(),
    corridor=dict(name='own', format='opengait', root=str(corridor)),
  )
  return config


def _losses(folder):
  with open(folder / 'metrics.csv', newline='') as file:
    return [float(row['loss']) for row in csv.DictReader(file)]


def test_a_run_on_a_mixture_goes_on_bit_for_bit(config, tmp_path):
  config.total_steps, config.log_every = 4, 1
  loop.train(config, tmp_path / 'whole')
  config.total_steps = 2
  loop.train(config, tmp_path / 'parts')
  config.total_steps = 4
  config.mixture.casia.cache = ''
  loop.train(config, tmp_path / 'parts')
  assert _losses(tmp_path / 'whole') == _losses(tmp_path / 'parts')
  # Four of one dataset and two of the other, and the views of both.
  found = [checkpoint.find(tmp_path / name) for name in ('whole', 'parts')]
  shapes = restoring.model_shapes(found[0])
  assert shapes['params/identity/kernel'] == (8, 4, 6)
  assert shapes['params/views/kernel'] == (4, 3)
  built = facts.of_checkpoint(config, found[0])
  _, params, stats = setup.describe_model(built, meshes.create(1))
  one, other = [restoring.restore_model(x, params, stats)[1] for x in found]
  for left, right in zip(
    *(jax.tree.leaves(each) for each in (one, other)), strict=True
  ):
    np.testing.assert_array_equal(left, right)
  # It was evaluated on config.dataset, which needs none of the mixture.
  del config.mixture.casia
  config.mixture.corridor.root = '/nowhere'
  evaluating.evaluate(config, tmp_path / 'other', tmp_path / 'whole')
  for place in ('whole', 'other'):
    (path,) = (tmp_path / place).glob('evaluation/*4*.json')
    assert '"dataset": "casia_b"' in path.read_text()


def test_only_a_protocol_asks_for_the_dataset_that_is_evaluated(config):
  config.dataset.root = '/nowhere'
  with pytest.raises(UserError, match='/nowhere'):
    setup.open_training(config)
  config.evaluation.protocol = ''
  data, tested = setup.open_training(config)
  assert tested is None and len(data.train) == 4 * 8 + 2 * 4
  checks.check_config(config)
  checks.check_data(config, data, tested)


def test_a_mixture_of_the_dataset_alone_is_the_dataset(config):
  data, tested = setup.open_training(config)
  assert tested.source is not data.source
  del config.mixture.corridor
  one, _ = setup.open_training(config)
  counts = facts.of_data(config, one).model
  del config.mixture
  alone, tested = setup.open_training(config)
  assert tested is alone
  assert counts == facts.of_data(config, alone).model
  assert one.train.tolist() == alone.train.tolist()


def test_what_does_not_fit_in_memory_is_counted_over_all(config, monkeypatch):
  data, tested = setup.open_training(config)
  for labels in ([], ['casia'], ['casia', 'corridor']):
    for label, fields in config.mixture.items():
      with config.unlocked():
        fields.cache = 'ram' if label in labels else ''
    whose = data.source.index.columns['dataset'][data.train]
    rows = data.train[np.isin(whose, labels)]
    frames = data.source.index.length[rows].sum()
    frames += tested.source.index.length[tested.test].sum()
    monkeypatch.setattr(checks, '_memory', lambda n=frames: int(n) * 48 - 1)
    with pytest.raises(UserError, match=f'{len(rows) + 16:,} sequences of'):
      checks.check_data(config, data, tested)
    monkeypatch.setattr(checks, '_memory', lambda n=frames: int(n) * 48)
    checks.check_data(config, data, tested)


def test_people_who_train_and_are_tested_are_told(
  config, corridor, tmp_path, capsys
):
  partitions.note.cache_clear()
  checks.check_config(config)
  assert not capsys.readouterr().err
  path = tmp_path / 'all.json'
  path.write_text(json.dumps({'TRAIN_SET': tiny.SUBJECTS}))
  with pytest.raises(UserError, match='TEST_SET must be a list'):
    checks.check_config(_with(config, partition=str(path)))
  path.write_text(json.dumps({'TRAIN_SET': tiny.SUBJECTS, 'TEST_SET': []}))
  checks.check_config(_with(config, partition=str(path)))
  assert 'mixture.casia: 2 subjects train and are' in capsys.readouterr().err
  # One's own people are the same in one tree.
  path.write_text(json.dumps({'TRAIN_SET': [], 'TEST_SET': ['001']}))
  config.dataset.update(name='own', root=f'{corridor}/', partition=str(path))
  config.mixture.casia.partition = ''
  checks.check_config(config)
  assert 'mixture.corridor: 1 subjects' in capsys.readouterr().err


def _with(config, **fields):
  config = config.copy_and_resolve_references()
  config.mixture.casia.update(fields)
  return config


@pytest.mark.parametrize(
  ('change', 'message'),
  [
    (
      lambda c: c.mixture.casia.update(partition='casia_b'),
      'config.mixture.casia: the data lacks 68 of the 74',
    ),
    (
      lambda c: c.mixture.corridor.update(format=''),
      "set config.mixture.corridor.format='opengait'",
    ),
    (lambda c: c.mixture.corridor.update(root=''), 'set config.mixture.corri'),
    (lambda c: c.mixture.update(x=3), 'config.mixture.x is 3; it must be a se'),
    (
      lambda c: setattr(c, 'mixture', 3),
      'config.mixture is 3; it must be a sect',
    ),
    (lambda c: delattr(c, 'mixture'), 'mixture_power goes with config.mixture'),
    (lambda c: c.batch.update(mixture_power=-1), 'mixture_power is -1'),
    (lambda c: c.batch.update(subjects=7), 'there are only 6 training'),
  ],
)
def test_what_is_wrong_with_a_mixture_is_said_before_step_1(
  config, change, message, tmp_path
):
  with config.unlocked(), config.ignore_type():
    change(config)
  with pytest.raises(UserError, match=message):
    loop.train(config, tmp_path / 'run')


def test_a_mixture_may_move_but_not_change():
  for field in ('root', 'format', 'cache'):
    assert resuming.rule_of(f'mixture.own.{field}').may_change
  for field in ('mixture.own.name', 'mixture.own.partition', 'mixture'):
    assert not resuming.rule_of(field).may_change
