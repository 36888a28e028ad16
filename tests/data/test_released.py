"""Datasets in the layouts that they are released in, small."""

import dataclasses
import importlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
import released_trees
import walker_trees

from gaitgs_jax.__main__ import main
from gaitgs_jax.data import work
from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import protocols
from gaitgs_jax.input import datasets, opening, partitions, prepared, trees
from gaitgs_jax.input.partitions import Partition
from gaitgs_jax.input.pretreatment import pretreat
from gaitgs_jax.input.sources import PreparedSource

# TensorFlow Datasets and what it imports warn of their own.
pytestmark = pytest.mark.filterwarnings('default')

RELEASED = [
  name
  for name, facts in datasets.DATASETS.items()
  if not (facts.is_own or facts.is_synthetic)
]


def walk(number):
  return walker_trees.frames(f'{number + 1:03d}')


def prepare(name, root, source, monkeypatch):
  """Prepares the sequences that there are as if they were all."""
  facts = dataclasses.replace(datasets.get(name), views=(), conditions=())
  monkeypatch.setitem(datasets.DATASETS, name, facts)
  builders = importlib.import_module('gaitgs_jax.data.builders')
  monkeypatch.setattr(
    builders, 'read_partition', lambda path: Partition((), ())
  )
  words = [f'--dataset={name}', f'--source={source}', f'--root={root}']
  assert main(['prepare', *words, '--workers=1']) == 0
  directory = prepared.find(root, name, facts.variants[0])
  assert directory
  return PreparedSource(directory)


def test_a_tree_of_many_files_gives_the_right_one(tmp_path, monkeypatch):
  folder = tmp_path / 'tree' / '0000' / '00-nm' / '000'
  depth = np.full((3, 64, 64, 3), 9, np.uint8)
  wrong = np.zeros((5, 64, 64), np.uint8)
  wrong[:, 20:40, 30:34] = 255
  for name, value in {
    '00-000-LiDAR-PCDs': np.zeros((3, 8, 3), np.float32),
    '01-000-LiDAR-PCDs_depths': depth.transpose(0, 3, 1, 2),
    '02-000-LiDAR-PCDs_sils': wrong,
    '03-000-Camera-Pose': np.zeros((4, 17, 3), np.float32),
    '06-000-Camera-Sils_aligned': pretreat(walk(0)),
    '14-sync-000-Camera-Sils_aligned': wrong,
  }.items():
    walker_trees.write_pickle(folder / f'{name}.pkl', value)
  source = prepare('sustech1k', tmp_path, tmp_path / 'tree', monkeypatch)
  assert source.modalities == {'silhouettes': (64, 64)}
  np.testing.assert_array_equal(
    source.read(0)['silhouettes'], pretreat(walk(0))
  )
  facts = datasets.get('sustech1k')
  from gaitgs_jax.input import sizes

  inputs = {'depth': {'size': (64, 64, 3)}}
  place = opening.open_source(
    {
      'name': 'sustech1k',
      'format': 'opengait',
      'root': str(tmp_path / 'tree'),
    },
    sizes.of(inputs, facts),
    files=sizes.files(inputs, facts),
  )
  np.testing.assert_array_equal(place.read(0)['depth'], depth)


@pytest.mark.parametrize('joints', [17, 18])
def test_17_joints_of_oumvlp_pose_are_those_that_opengait_takes(
  joints, tmp_path
):
  rng = np.random.default_rng(0)
  frames = rng.uniform(1, 100, (3, joints, 3)).astype(np.float32)
  walker_trees.write_pickle(tmp_path / 'x' / '000.pkl', frames)
  # Of its script oumvlp17.py.
  order = [0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10]
  facts = datasets.get('oumvlp_pose17')
  call = work.PoseCall(
    trees.TreeSequence('00001', '00', '000', str(tmp_path / 'x')),
    facts.skeleton,
    released=facts.released_skeleton,
  )
  wanted = frames[:, order] if joints == 18 else frames
  np.testing.assert_array_equal(call(), wanted)


def test_casia_e_has_no_sequences_of_few_images(tmp_path):
  folder = tmp_path / 'x'
  frames = pretreat(walk(0))
  call = work.TreeCall(str(folder), 64, 'linear', 6)
  walker_trees.write_images(folder, frames[:5])
  assert len(call()) == 0
  walker_trees.write_images(folder, frames[:6])
  np.testing.assert_array_equal(call(), frames[:6])


def test_label_maps(tmp_path, monkeypatch):
  labels = np.arange(64 * 64, dtype=np.uint8).reshape(1, 64, 64) % 12
  path = tmp_path.joinpath('tree', '0000', 'camid0_videoid2', 'seq0', 's.pkl')
  walker_trees.write_pickle(path, labels)
  source = prepare('gait3d_parsing', tmp_path, tmp_path / 'tree', monkeypatch)
  np.testing.assert_array_equal(source.read(0)['parsing'], labels)


@pytest.mark.parametrize('name', RELEASED)
def test_every_dataset_has_a_builder_of_its_facts(name, tmp_path):
  pytest.importorskip('tensorflow_datasets')
  module = importlib.import_module(
    f'gaitgs_jax.data.{name}.{name}_dataset_builder'
  )
  facts = datasets.get(name)
  names = [each.name for each in module.Builder.BUILDER_CONFIGS]
  assert names == list(facts.variants)
  builder = module.Builder(config=names[0], data_dir=str(tmp_path))
  assert builder.frames.keys() == set(facts.prepared or facts.modalities)
  assert bool(facts.split_at) != bool(builder.partition.train) or (
    name in ('hid2023',)
  )


@pytest.mark.parametrize('name', RELEASED)
def test_who_trains_is_published_or_asked_for(name, tmp_path):
  facts = datasets.get(name)
  if not facts.split_at:
    found = partitions.load_partition({'name': name})
    assert found.train or found.test
    return
  with pytest.raises(UserError, match=r'config\.dataset\.partition'):
    partitions.load_partition({'name': name})
  path = tmp_path / 'x.json'
  path.write_text(json.dumps({'TRAIN_SET': ['1'], 'TEST_SET': ['2']}))
  found = partitions.load_partition({'name': name, 'partition': str(path)})
  assert found.test == ('2',)


@pytest.mark.parametrize('name', RELEASED)
def test_the_table_of_datasets_says_what_is_tried(name):
  readme = Path(__file__).parents[2] / 'data' / 'README.md'
  found = re.search(rf'^\| `{name}` \|.*$', readme.read_text(), re.MULTILINE)
  assert found
  row = [cell.strip() for cell in found[0].split('|')]
  people, held, sources, partition, licence, rules, place = row[2:-1]
  assert licence and place
  facts = datasets.get(name)
  subjects = f'{facts.subjects:,}' if facts.subjects else 'unlabelled'
  assert people == subjects
  assert held == ', '.join(facts.modalities)
  is_raw = 'release' in sources or 'drawn' in sources
  assert is_raw == (name in released_trees.RAW or bool(facts.drawn_of))
  assert ('.json' in partition) != bool(facts.split_at)
  named = re.findall('`(.*?)`', rules)
  assert {*named} <= {*protocols.PROTOCOLS}
  first = named[0] if named else ''
  assert first == released_trees.protocol(name)
