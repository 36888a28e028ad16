"""What a run asks of its data and config, and what an evaluation does not."""

import json
import pathlib
import shutil
from contextlib import nullcontext

import pytest
from training import tiny

from gaitgs_jax import models
from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import result_files
from gaitgs_jax.training import checks, evaluating, facts, loop, meshes, setup


@pytest.fixture
def config(tree, tmp_path, monkeypatch):
  """A config of short runs on a tree that a test may change."""
  monkeypatch.setattr(models, 'create', tiny.create)
  root = tmp_path / 'tree'
  shutil.copytree(tree, root)
  shutil.copy(tree.with_suffix('.json'), root.with_suffix('.json'))
  config = tiny.get_config(root)
  config.total_steps = 1
  return config


def _rename_view(config, old, new):
  for folder in pathlib.Path(config.dataset.root).glob(f'*/*/{old}'):
    folder.rename(folder.with_name(new))


def test_an_evaluation_asks_for_nothing_that_only_training_needs(
  config, tmp_path, capsys
):
  config.evaluation.protocol = ''
  loop.train(config, tmp_path / 'run')
  # Fewer view classes than the dataset has views, people of the partition that
  # were not copied, and batches without pairs.
  root = pathlib.Path(config.dataset.root)
  _rename_view(config, '090', '195')
  for subject in tiny.SUBJECTS[:4]:
    shutil.rmtree(root / subject)
  partition = {
    'TRAIN_SET': [f'{i:03d}' for i in range(100, 120)],
    'TEST_SET': tiny.SUBJECTS[4:],
  }
  root.with_suffix('.json').write_text(json.dumps(partition))
  config.dataset.name = 'oumvlp'
  config.evaluation.protocol = 'casia_b'
  config.batch.sequences = 1
  evaluating.evaluate(config, tmp_path / 'other', tmp_path / 'run')
  assert '195' in capsys.readouterr().out
  with pytest.raises(UserError, match='the data lacks 20 of the 22 subjects'):
    loop.train(config, tmp_path / 'again')


def test_views_need_names_of_the_dataset_only_where_they_are_learned(
  config, tmp_path
):
  _rename_view(config, '090', 'hall camera')
  with pytest.raises(UserError, match="no view 'hall camera'"):
    loop.train(config, tmp_path / 'run')
  del config.losses.view
  loop.train(config, tmp_path / 'run')


def test_conditions_need_names_of_the_dataset_where_they_are_learned(
  config, tmp_path
):
  root = pathlib.Path(config.dataset.root, tiny.SUBJECTS[0])
  first = min(path.name for path in root.iterdir())
  root.joinpath(first).rename(root / 'dancing')
  config.losses.view.labels = 'condition'
  with pytest.raises(UserError, match="no condition 'dancing'"):
    loop.train(config, tmp_path / 'run')


def test_own_data_has_the_facts_of_its_tree(config, tmp_path, capsys):
  _rename_view(config, '090', 'hall camera')
  config.dataset.name, config.model.num_views = 'own', 2
  loop.train(config, tmp_path / 'run')
  assert 'hall camera' in capsys.readouterr().out
  config.model.num_views = 1
  with pytest.raises(UserError, match='num_views is 1, but own has 2 views'):
    loop.train(config, tmp_path / 'other')
  config.dataset.format = 'tfds'
  with pytest.raises(UserError, match=r'set config\.dataset\.format'):
    loop.train(config, tmp_path / 'other')


def _keep_walks(config, count):
  for subject in tiny.SUBJECTS[:4]:
    walks = pathlib.Path(config.dataset.root, subject).glob('*/*')
    for folder in sorted(walks)[count:]:
      shutil.rmtree(folder)
      if not any(folder.parent.iterdir()):
        folder.parent.rmdir()


@pytest.mark.parametrize(
  ('batch', 'walks'),
  [
    (dict(sequences=1), 8),
    (dict(subjects=1), 8),
    (dict(sequences=1), 1),
    (dict(sequences=2), 1),
  ],
)
def test_a_batch_without_a_pair_is_an_error_before_step_1(
  config, tmp_path, batch, walks
):
  _keep_walks(config, walks)
  config.batch.update(batch)
  with pytest.raises(UserError, match='two walks each of at least two people'):
    loop.train(config, tmp_path / 'run')
  assert not (tmp_path / 'run' / 'metrics.csv').exists()


def test_losses_that_compare_nobody_need_no_pair(config):
  _keep_walks(config, 1)
  config.batch.sequences = 1
  del config.losses.triplet
  checks.check_data(config, setup.open_data(config, training=True), None)


def test_one_view_gets_a_table_that_says_why_its_cells_are_empty(
  config, tmp_path, capsys
):
  for folder in pathlib.Path(config.dataset.root).glob('*/*/090'):
    shutil.rmtree(folder)
  loop.train(config, tmp_path / 'run')
  text = capsys.readouterr().out
  assert 'are seen from one view' in text
  saved = result_files.load(
    tmp_path / 'run' / 'evaluation' / 'step_000001.json'
  )
  number = saved.result['NM/rank1_by_view'][0, 0]
  assert f'identical views: NM {number:.1f}' in text
  assert 'published' not in text.replace('docs', '')


@pytest.mark.parametrize(
  ('labels', 'batch', 'copies', 'words'),
  [
    ('view', dict(), 1, ''),
    ('view', dict(subjects=2, sequences=1), 1, 'config.batch has 2 rows'),
    ('condition', dict(), 1, ''),
    ('sequence', dict(), 1, '0 of them more than once'),
    ('sequence', dict(sequences=1), 2, ''),
    ('subject', dict(sequences=1), 2, ''),
    ('subject', dict(subjects=1), 2, 'two walks each of at least two people'),
    ('subject', dict(sampler='instances', sequences=3), 1, ''),
    ('subject', dict(sampler='instances', sequences=2), 1, 'has 2 rows'),
    ('subject', dict(sampler='pairs', sequences=2), 1, ''),
    ('sequence', dict(sampler='pairs', sequences=2), 1, ''),
    ('sequence', dict(sampler='pairs', sequences=1), 1, 'has 1 rows'),
  ],
)
def test_a_pair_is_one_of_the_labels_that_a_loss_reads(
  config, labels, batch, copies, words
):
  config.losses = dict(near=dict(kind='triplet', margin=0.2, labels=labels))
  made = (dict(name='copies', count=copies),)
  config.augment = made if copies > 1 else ()
  config.batch.update(batch)
  if 'sampler' in batch:
    del config.batch.subjects
  data = setup.open_data(config, training=True)
  with pytest.raises(UserError, match=words) if words else nullcontext():
    checks.check_pairs(config, data)


def test_two_windows_of_a_sequence_train_without_labels(config, tmp_path):
  config.batch = dict(sampler='pairs', sequences=6, frames=4)
  config.losses = dict(negative_cosine=dict(predictions='features'))
  config.evaluation.protocol = ''
  loop.train(config, tmp_path / 'run')
  lines = (tmp_path / 'run' / 'metrics.csv').read_text().splitlines()
  assert 'negative_cosine' in lines[0] and len(lines) == 2
  config.augment = (dict(name='copies', count=2),)
  with pytest.raises(UserError, match=r'copies already: leave'):
    loop.train(config, tmp_path / 'other')


def test_classes_of_views_are_those_of_any_loss_that_reads_them(config):
  assert 'view' in setup.learned_labels(config)
  config.losses = dict(angle=dict(kind='cross_entropy', labels='view'))
  assert setup.learned_labels(config) == {'view'}
  config.losses = dict(view=dict(labels='condition'))
  assert setup.learned_labels(config) == {'condition'}


@pytest.fixture
def copied(monkeypatch):
  """A config of two copies of a sequence, which a loss compares."""
  monkeypatch.setattr(models, 'create', tiny.create)
  config = tiny.get_config()
  config.augment = (
    dict(name='copies', count=2),
    dict(name='random_frames', frames=3),
  )
  config.losses = dict(supervised_contrastive=dict(temperature=0.1))
  return config


@pytest.mark.parametrize('copies', [1, 5])
def test_any_number_of_copies_is_tried(copied, copies):
  copied.augment[0]['count'] = copies
  _, state = setup.describe_state(copied, meshes.create(1))
  assert int(state.step.size) == 1


def test_two_copies_are_needed_where_a_loss_compares_them(copied):
  copied.losses = dict(negative_cosine=dict(predictions='features'))
  setup.describe_state(copied, meshes.create(1))
  copied.augment = ()
  with pytest.raises(UserError, match=r'copies.* count=2.* config.augment'):
    setup.describe_state(copied, meshes.create(1))


def test_a_model_is_evaluated_in_a_dtype_of_its_own(monkeypatch):
  asked = []

  def create(name, *, rngs, size, dtype, **config):
    asked.append(dtype)
    return tiny.create(name, rngs=rngs, **config)

  monkeypatch.setattr(models, 'create', create)
  config = tiny.get_config()
  config.model.dtype, config.evaluation.dtype = 'bfloat16', 'float16'
  setup.create_model(config)
  setup.create_model(config, training=False)
  assert asked == ['bfloat16', 'float16']


def test_a_joint_too_many_is_told_before_anything_is_computed():
  config = tiny.get_config()
  config.dataset.name = 'casia_b_pose'
  config.inputs = {'keypoints': {'size': (18, 3)}}
  config.model_name = 'gaitgraph'
  config.model = dict(
    blocks=(1, 1, 1), channels=(8, 4, 8, 12), reduction=2, features=6
  )
  with pytest.raises(UserError, match=r'takes keypoints \[n,s,17,3\].*18'):
    setup.describe_state(config, meshes.create(1))


def test_features_of_joints_that_nobody_computes_are_reported():
  config = tiny.get_config()
  config.dataset.name, config.inputs = 'oumvlp_pose', {'keypoints': {}}
  config.losses = dict(triplet=dict(margin=0.2))
  config.model_name = 'gaittr'
  config.model = dict(channels=(32,), features=6)
  words = r"takes features .* \[n,s,18,10\].*'motion_and_bones'\), last in"
  with pytest.raises(UserError, match=words):
    setup.describe_state(facts.of_dataset(config), meshes.create(1))
  config.augment = (dict(name='motion_and_bones'),)
  setup.describe_state(facts.of_dataset(config), meshes.create(1))
  with pytest.raises(UserError, match=words):
    setup.describe_model(facts.of_dataset(config), meshes.create(1))
  config.model_name = 'gpgait'
  config.model = dict(channels=(8, 8), shared=1, features=6, num_classes=9)
  config.augment = (dict(name='bones_and_angles'),)
  with pytest.raises(UserError, match=r"of coco17, .*'to_coco17'\) first"):
    setup.describe_state(facts.of_dataset(config), meshes.create(1))
  config.augment = (dict(name='to_coco17'), *config.augment)
  setup.describe_state(facts.of_dataset(config), meshes.create(1))


@pytest.mark.parametrize(
  ('name', 'options', 'words'),
  [
    ('gaittr', dict(channels=(40,)), 'multiples of 32, not'),
    ('gaittr', dict(dropout=1.5), 'dropout is 1.5; it must be'),
    ('gpgait', dict(shared=4), 'more than 4 widths, of 8 or more each'),
    ('gpgaitpp', dict(channels=(64, 64, 128, 4)), 'widths, of 8 or more each'),
  ],
)
def test_widths_that_a_model_of_joints_cannot_have(name, options, words):
  config = tiny.get_config()
  config.dataset.name, config.inputs = 'casia_b_pose', {'keypoints': {}}
  config.model_name, config.model = name, options
  with pytest.raises(UserError, match=f'^config.model.*{words}'):
    setup.create_model(config)
