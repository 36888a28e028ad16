import functools
import json
import pathlib

import numpy as np
import pytest

from gaitgs_jax.errors import UserError
from gaitgs_jax.input import datasets, partitions
from gaitgs_jax.input.index import make

INDEX = make((s, 'nm-01', '000', 9) for s in ('003', '001', '002', '001'))


def write(path, content):
  text = content if isinstance(content, str) else json.dumps(content)
  path.write_text(text)
  return {'name': 'casia_b', 'partition': str(path)}


def test_rows_follow_the_partition(tmp_path):
  content = {'TRAIN_SET': ['001'], 'TEST_SET': ['003'], 'PROBE_SET': []}
  partition = partitions.load_partition(write(tmp_path / 'p.json', content))
  train, test = partitions.split(INDEX, partition)
  assert train.tolist() == [1, 3]
  assert test.tolist() == [0]


@pytest.mark.parametrize('encoding', ['utf-8-sig', 'utf-16'])
def test_a_byte_order_mark_is_no_fault(tmp_path, encoding):
  path = tmp_path / 'p.json'
  path.write_text('{"TRAIN_SET": ["001"],\r\n "TEST_SET": ["é"]}', encoding)
  partition = partitions.read_partition(path)
  assert partition == partitions.Partition(('001',), ('é',))


def test_names_without_their_zeros_are_told():
  partition = partitions.Partition(('1',), ('002',))
  with pytest.raises(
    UserError, match=r"names a subject '1', .* calls it '001'"
  ):
    partitions.split(INDEX, partition)


def test_each_dataset_has_its_own_file():
  def name(dataset, *args):
    facts = datasets.get(dataset)
    return partitions.partition_path(facts, *args).name

  assert name('casia_b', '64') == 'casia_b.json'
  assert name('synthetic_walkers', 'demo') == 'synthetic_walkers_demo.json'
  assert name('casia_b_pose', 'hrnet') == 'casia_b.json'
  assert name('synthetic_walkers_pose', 'tiny') == 'synthetic_walkers_tiny.json'


def test_a_path_and_a_published_name_are_told_apart():
  path = functools.partial(partitions.partition_path, 'casia_b', '64')
  assert path('own.json') == pathlib.Path('own.json')
  assert path('own/split') == pathlib.Path('own/split')
  assert path('~/own.json') == pathlib.Path.home() / 'own.json'
  assert path('casia_b_73') == partitions.PUBLISHED / 'casia_b_73.json'
  named = {'name': 'casia_b', 'partition': 'casia_b_73'}
  assert len(partitions.load_partition(named).train) == 73


@pytest.mark.parametrize(
  ('content', 'message'),
  [
    ({'TRAIN_SET': [], 'TEST_SET': []}, 'TEST_SET are empty'),
    ({'TRAIN_SET': ['001']}, 'TEST_SET must be a list'),
    ({'TRAIN_SET': '001', 'TEST_SET': ['002']}, 'TRAIN_SET must be a list'),
    (
      {'TRAIN_SET': [1], 'TEST_SET': ['002']},
      r'TRAIN_SET must be a list of subject names in quotes',
    ),
    ({'TRAIN_SET': [], 'TEST_SET': ['1', '1']}, 'names a subject twice'),
    ([], 'TRAIN_SET must be a list'),
    ('{', 'is not JSON'),
  ],
)
def test_bad_partitions_are_named(tmp_path, content, message):
  path = tmp_path / 'p.json'
  with pytest.raises(UserError, match=f'{path}.*{message}'):
    partitions.load_partition(write(path, content))


@pytest.mark.parametrize('partition', ('/absent.json', 'casia_b_72'))
def test_a_missing_file_is_named(partition):
  with pytest.raises(UserError, match=f'{partition}.*no partition there'):
    partitions.load_partition({'name': 'casia_b', 'partition': partition})


def test_subjects_in_both_sets_are_told(tmp_path, capsys):
  content = {'TRAIN_SET': ['001', '002'], 'TEST_SET': ['002']}
  dataset = write(tmp_path / 'p.json', content)
  partition = partitions.load_partition(dataset)
  assert '1 subjects both train' in capsys.readouterr().err
  partitions.load_partition(dataset)
  assert not capsys.readouterr().err
  train, test = partitions.split(INDEX, partition)
  assert np.intersect1d(train, test).tolist() == [2]


def test_a_half_copied_tree_is_told():
  partition = partitions.Partition(('001', '004'), ('005',))
  with pytest.raises(UserError, match=r'lacks 2 of the 3 .*\(004, 005\)'):
    partitions.split(INDEX, partition)


def test_probes_are_named_by_their_sequences(tmp_path):
  content = {'TRAIN_SET': [], 'TEST_SET': ['001', '003']}
  path = write(tmp_path / 'p.json', content)['partition']
  read = partitions.read_partition(pathlib.Path(path))
  assert partitions.columns(INDEX, read) == {}
  probe = '-'.join(INDEX.name(0).split('/'))
  content['PROBE_SET'] = [probe, '007-nm-01-000']
  write(tmp_path / 'p.json', content)
  read = partitions.read_partition(pathlib.Path(path))
  columns = partitions.columns(INDEX, read)
  assert list(columns) == ['probe']
  assert columns['probe'].tolist() == [True, False, False, False]
  content['PROBE_SET'] = [probe, probe]
  write(tmp_path / 'p.json', content)
  with pytest.raises(UserError, match='PROBE_SET names a sequence twice'):
    partitions.read_partition(pathlib.Path(path))
  content['PROBE_SET'] = {'a': 1}
  write(tmp_path / 'p.json', content)
  with pytest.raises(UserError, match=r'PROBE_SET must be a list of sequence'):
    partitions.read_partition(pathlib.Path(path))
