"""What a model is built with comes from its data, then from its weights."""

import json
import pathlib
import shutil

import pytest
from training import tiny

from gaitgs_jax import models
from gaitgs_jax.apps import config_file
from gaitgs_jax.errors import UserError
from gaitgs_jax.training import (
  checkpoint,
  evaluating,
  facts,
  loop,
  meshes,
  restoring,
  setup,
)


@pytest.fixture(scope='module')
def run(tree, tmp_path_factory):
  """A run of a config that says nothing of classes."""
  folder = tmp_path_factory.mktemp('facts') / 'run'
  loop.train(_config(tree), folder)
  return folder


@pytest.fixture
def config(tree):
  return _config(tree)


def _config(tree):
  config = tiny.get_config(tree)
  config.total_steps = 2
  config.model_name = 'training.facts_model'
  config.losses.identity = dict(scale=16.0, smoothing=0.1)
  del config.model.num_views
  return config


def _copy(run, tmp_path):
  return shutil.copytree(run, tmp_path / 'run')


def _shapes(workdir):
  return restoring.model_shapes(checkpoint.find(workdir))


def test_a_new_run_takes_them_from_its_data(run):
  shapes = _shapes(run)
  assert shapes['params/views/kernel'] == (4, 11)  # CASIA-B's, not the tree's.
  assert shapes['params/identity/kernel'] == (8, 4, 4)
  saved = json.loads((run / 'config.json').read_text())
  assert not {*saved['model']} & {*models.FACTS}


def test_a_head_exists_only_where_a_loss_reads_it(config, run):
  del config.losses.identity
  assert 'num_classes' not in facts.of_dataset(config).model
  # What is trained already has what it has.
  found = facts.of_checkpoint(config, checkpoint.find(run))
  assert (found.model.num_classes, found.model.num_views) == (4, 11)
  assert not {*config.model} & {*models.FACTS}


def test_another_dataset_with_other_people_and_views_gives_a_table(
  config, run, tmp_path, capsys
):
  root = tmp_path / 'walks'
  for subject in tiny.SUBJECTS[3:]:  # One more than are tested.
    shutil.copytree(
      pathlib.Path(config.dataset.root, subject), root / f'p{subject}'
    )
  for place in root.glob('*/*/090'):
    place.rename(place.with_name('hall camera'))
  people = [f'p{subject}' for subject in tiny.SUBJECTS[3:]]
  partition = tmp_path / 'people.json'
  partition.write_text(json.dumps({'TRAIN_SET': [], 'TEST_SET': people}))
  config.dataset.update(name='own', root=str(root), partition=str(partition))
  evaluating.evaluate(config, tmp_path / 'other', run)
  assert 'hall camera' in capsys.readouterr().out
  assert list((tmp_path / 'other').glob('evaluation/*.json'))


def test_a_model_needs_no_dataset_once_it_is_trained(config, run):
  config.dataset.update(root='/nowhere', partition='/nowhere.json')
  built = facts.of_checkpoint(config, checkpoint.find(run))
  _, params, stats = setup.describe_model(built, meshes.create(1))
  restoring.restore_model(checkpoint.find(run), params, stats)


@pytest.mark.parametrize('written', [{}, dict(num_views=11, num_classes=4)])
def test_a_run_goes_on_whether_or_not_its_config_says_them(
  config, run, tmp_path, written
):
  folder = _copy(run, tmp_path)
  config.total_steps = 4
  config.model.update(written)
  loop.train(config, folder)
  assert checkpoint.find(folder).name == '4'
  # As a run of an earlier version kept them, and back.
  config.total_steps = 5
  for name in written:
    del config.model[name]
  loop.train(config, folder)
  assert checkpoint.find(folder).name == '5'


def test_data_that_outgrew_the_model_are_refused(config, run, tmp_path):
  partition = tmp_path / 'more.json'
  partition.write_text(
    json.dumps({'TRAIN_SET': tiny.SUBJECTS[:5], 'TEST_SET': tiny.SUBJECTS[5:]})
  )
  built = facts.of_checkpoint(config, checkpoint.find(run))
  config.dataset.partition = str(partition)
  data = setup.open_data(config, training=True)
  with pytest.raises(UserError, match=r'built for 4 training subjects.* has 5'):
    facts.check(config, built, data)


def test_a_field_that_disagrees_is_named(config, run, tmp_path):
  config.model.num_classes = 3
  with pytest.raises(
    UserError, match=r'num_classes is 3.* 4 training subjects'
  ):
    loop.train(config, tmp_path / 'new')
  with pytest.raises(UserError, match=r'num_classes is 3.*built with 4'):
    evaluating.evaluate(config, run)


def test_a_skeleton_is_the_datas():
  config = config_file.load('demo_pose')
  assert facts.of_dataset(config).model.skeleton == 'coco17'
  config.model.skeleton = 'openpose18'
  with pytest.raises(UserError, match=r'are coco17: leave it out'):
    facts.of_dataset(config)


def test_more_classes_than_people_divide_among_devices(config):
  config.model.num_classes = 6
  built = facts.of_dataset(config)
  facts.check(config, built, setup.open_data(config, training=True))
  assert built.model.num_classes == 6
