"""Datasets in the layouts that they are released in, small."""

import dataclasses
import importlib
import json

import numpy as np
import pytest
import walker_trees

from gaitgs_jax.__main__ import main
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import datasets, opening, partitions, prepared
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
# Dataset -> a sequence of the release, and where its images lie. The walk of a
# place is told by its number in the list.
RAW = {
  'casia_c': {
    ('001', 'fn00', '000'): '001/fn00',
    ('002', 'fb01', '000'): '002/fb01',
  },
  'casia_e': {
    ('001', 'H-scene1-nm-1', '000'): '001/H/scene1/nm/000/1',
    ('001', 'L-scene3_s-bg-2', '090'): '001/L/scene3_s/bg/090/2',
  },
  'ccpg': {},
  'gait3d': {
    ('0000', 'camid0_videoid2', 'seq0'): '0000/camid0_videoid2/seq0',
    ('0002', 'camid9_videoid1', 'seq1'): '0002/camid9_videoid1/seq1',
  },
  'grew': {
    ('00001train', '00', '4XPn5Z28'): 'train/00001/4XPn5Z28',
    ('00001', '01', '79XJefi8'): 'test/gallery/00001/79XJefi8',
    ('00001', '02', 'CaDl0xc6'): 'test/gallery/00001/CaDl0xc6',
    ('probe', '03', '1NDdL7rQ'): 'test/probe/1NDdL7rQ',
  },
  'hid': {
    ('0000', '2W8eSGAo', 'default'): 'train/0000/2W8eSGAo',
    ('0500', 'gWjVk1nB', 'default'): 'HID2022_test_gallery/0500/gWjVk1nB',
    ('probe', '03', 'a2mN8d0w'): 'HID2022_test_probe/a2mN8d0w',
  },
}
RAW = {name: cells for name, cells in RAW.items() if cells}


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


@pytest.mark.parametrize('name', RAW)
def test_raw_images_and_an_opengait_tree_give_the_same(
  name, tmp_path, monkeypatch, capsys
):
  cells = RAW[name]
  for number, (cell, place) in enumerate(cells.items()):
    walker_trees.write_images(tmp_path / 'raw' / place, walk(number))
    walker_trees.write_pickle(
      tmp_path.joinpath('tree', *cell, f'{cell[2]}.pkl'), pretreat(walk(number))
    )
  words = [f'--source={tmp_path / "raw"}', f'--dataset={name}']
  main(['check', *words, '--workers=1'])
  assert f'{len(cells)} sequences' in capsys.readouterr().out
  for kind in ('raw', 'tree'):
    made = tmp_path / 'made' / kind
    source = prepare(name, made, tmp_path / kind, monkeypatch)
    found = {
      tuple(source.index.name(row).split('/')): source.read(row)['silhouettes']
      for row in range(len(source.index))
    }
    assert found.keys() == cells.keys()
    for number, cell in enumerate(cells):
      np.testing.assert_array_equal(found[cell], pretreat(walk(number)))


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
