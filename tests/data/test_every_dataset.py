"""Every dataset is prepared, checked, trained on and evaluated."""

import dataclasses
import importlib
import json
import math

import jax.numpy as jnp
import numpy as np
import pytest
import released_trees
from flax import nnx

from gaitgs_jax import models
from gaitgs_jax.__main__ import main
from gaitgs_jax.configs import common, sconet_scoliosis1k
from gaitgs_jax.evaluation import result_files
from gaitgs_jax.input import (
  checking,
  datasets,
  heatmaps,
  opening,
  partitions,
  prepared,
  sizes,
)
from gaitgs_jax.input.sources import PreparedSource
from gaitgs_jax.models import output
from gaitgs_jax.training import loop

# TensorFlow Datasets and what it imports warn of their own.
pytestmark = pytest.mark.filterwarnings('default')

NAMES = [
  name
  for name, facts in datasets.DATASETS.items()
  if not (facts.is_own or facts.is_synthetic)
]
SIZES = {
  'silhouettes': (64, 44),
  'parsing': (64, 44),
  'heatmaps': (64, 44, 2),
  'depth': (64, 64, 3),
  'rgb': (64, 64, 3),
  'points': (16, 3),
  'smpl': (85,),
  'keypoints': None,
}
# Modalities of a tree that a prepared dataset does not hold.
IN_PLACE = [
  (name, modality)
  for name in NAMES
  for modality in datasets.get(name).modalities
  if modality not in (datasets.get(name).prepared or (modality,))
  and datasets.get(name).files.keys() >= {modality}
]


class Flat(nnx.Module):
  """A linear map of the mean frame: a model of every modality."""

  def __init__(self, size, *, rngs):
    self.map = nnx.Linear(math.prod(size), 6, rngs=rngs)

  def __call__(self, inputs, mask=None, *, train=False, key=None):
    """Maps [n,s,...] to embeddings [n,2,3], which may be logits too."""
    x = inputs.reshape(*inputs.shape[:2], -1)
    weight = mask[..., None].astype(x.dtype)
    mean = (x * weight).sum(axis=1) / weight.sum(axis=1)
    embedding = self.map(mean / (1 + jnp.abs(mean).max())).reshape(-1, 2, 3)
    return output.GaitOutput(embedding, embedding)


class Here:
  """Stands in for `Workers`, in this process."""

  def __init__(self, count):
    del count

  def __enter__(self):
    return self

  def __exit__(self, *error):
    return None

  def map(self, calls):
    return (call() for call in calls)


@pytest.fixture
def small(monkeypatch, tmp_path):
  """Datasets of a few people, which is then all that there are."""

  def make(name):
    for each in {name, datasets.source_of(datasets.get(name)).name}:
      facts = datasets.get(each)
      if facts.name != 'scoliosis1k':
        facts = dataclasses.replace(facts, views=(), conditions=())
      monkeypatch.setitem(datasets.DATASETS, each, facts)
    published = tmp_path / 'partitions'
    path = published / f'{released_trees.owner(name)}.json'
    released_trees.write_partition(name, path)
    monkeypatch.setattr(partitions, 'PUBLISHED', published)
    return path

  builders = importlib.import_module('gaitgs_jax.data.builders')
  for module in (builders, checking):
    monkeypatch.setattr(module, 'Workers', Here)
  # Drawing has its own tests.
  monkeypatch.setattr(heatmaps, 'of_keypoints', released_trees.drawn)
  monkeypatch.setattr(
    models,
    'create',
    lambda name, *, rngs, size, dtype='float32': Flat(size, rngs=rngs),
  )
  return make


def prepare(name, source, root):
  words = [f'--dataset={name}', f'--source={source}', f'--root={root}']
  assert main(['prepare', *words, '--workers=1']) == 0
  found = PreparedSource(
    prepared.find(root, name, datasets.get(name).variants[0])
  )
  return {
    tuple(found.index.name(row).split('/')): found.read(row)
    for row in range(len(found.index))
  }


def check(source, name):
  words = [f'--source={source}', f'--dataset={name}', '--workers=1']
  assert main(['check', *words]) == 0


def in_place(name, modality, size, root):
  """Returns the walks of a tree that is read where it lies."""
  facts, shape = datasets.get(name), SIZES[modality]
  if shape and len(shape) == 2 and size == 128:
    shape = (128, 88)
  inputs = {modality: dict(size=shape) if shape else {}}
  found = opening.open_source(
    dict(name=name, format='opengait', root=str(root)),
    sizes.of(inputs, facts),
    files=sizes.files(inputs, facts),
  )
  return {
    tuple(found.index.name(row).split('/')): found.read(row)
    for row in range(len(found.index))
  }


def assert_made(found, name, modality, size):
  assert found.keys() == {*released_trees.cells(name)}
  for cell, arrays in found.items():
    wanted = released_trees.made(name, cell, modality, size)
    np.testing.assert_array_equal(
      arrays[modality], wanted.astype(arrays[modality].dtype)
    )


def train(name, modality, workdir, **dataset):
  """Trains two steps; returns what the evaluation wrote."""
  size = SIZES[modality]
  if size and datasets.get(name).variants[0] == '128':
    size = (128, 88)
  options = dict(size=size) if size else {}
  protocol = released_trees.protocol(name)
  config = common.run(name, protocol or 'casia_b', **{modality: options})
  config.evaluation.protocol = protocol
  config.dataset.update(dataset)
  config.model_name, config.model = 'flat', {}
  config.losses.triplet = dict(weight=1.0, margin=0.2)
  config.optimizer = dict(name='sgd', learning_rate=0.1)
  return shortened(config, workdir)


def shortened(config, workdir):
  """Trains two steps; returns what the evaluation wrote."""
  config.total_steps, config.log_every = 2, 1
  config.tensorboard = False
  config.batch.update(subjects=2, sequences=2, frames=4)
  config.mesh.data = 1
  config.schedule = dict(name='constant')
  config.evaluation.update(every_steps=2, batch_frames=24)
  loop.train(config, workdir)
  losses = [
    json.loads(line.split(',')[1])
    for line in (workdir / 'metrics.csv').read_text().splitlines()[1:]
  ]
  assert len(losses) == 2
  assert np.isfinite(losses).all()
  return {path.suffix: path for path in (workdir / 'evaluation').glob('*')}


def kinds(name):
  """Returns from what a dataset is prepared."""
  # Heat maps are drawn of the skeletons that are released.
  tree = [] if datasets.get(name).drawn_of else ['tree']
  return tree + ['raw'] * (name in released_trees.RAW)


def assert_evaluated(name, written):
  protocol = released_trees.protocol(name)
  if not protocol:
    assert not written
    return
  saved = result_files.load(written['.json'])
  assert saved.meta['protocol'] == protocol
  if protocol in ('hid', 'mgr'):
    _, *lines = written['.csv'].read_text().splitlines()
    probes = [cell for cell in released_trees.cells(name) if 'probe' in cell]
    # Of HID 2023 the conditions differ, not the views.
    name_at = 1 if name == 'hid2023' else 2
    videos = {cell[name_at] for cell in probes}
    assert {line.split(',')[0] for line in lines} == videos
    return
  numbers = [
    value
    for key, value in saved.result.items()
    if key.rpartition('/')[2] in ('rank1', 'accuracy', 'mAP')
  ]
  assert numbers
  assert all(0 <= value <= 100 for value in numbers)


@pytest.mark.parametrize('name', NAMES)
def test_a_dataset_from_its_release_to_its_numbers(
  name, small, tmp_path, capsys
):
  partition = small(name)
  facts = datasets.get(name)
  released_trees.write_tree(name, tmp_path / 'tree')
  cells = released_trees.cells(name)
  check(tmp_path / 'tree', name)
  assert f'all {len(cells)} sequences are good' in capsys.readouterr().out
  (modality,) = facts.prepared or facts.modalities
  dataset = dict(root=str(tmp_path / 'tree'), format='opengait')
  size = int(facts.variants[0]) if facts.variants[0].isdecimal() else 64
  found = in_place(name, modality, size, tmp_path / 'tree')
  assert_made(found, name, modality, size)
  for kind in kinds(name):
    if kind == 'raw':
      released_trees.write_release(name, tmp_path / kind)
      check(tmp_path / kind, datasets.source_of(facts).name)
      assert f'all {len(cells)} sequences' in capsys.readouterr().out
    found = prepare(name, tmp_path / kind, tmp_path / f'{kind}-made')
    dataset = dict(root=str(tmp_path / f'{kind}-made'))
    assert_made(found, name, modality, size)
  written = train(
    name, modality, tmp_path / 'run', partition=str(partition), **dataset
  )
  assert_evaluated(name, written)


@pytest.mark.parametrize('config', [sconet_scoliosis1k], ids=['ScoNet-MT'])
def test_sconet_trains_and_diagnoses_by_its_config(
  config, tmp_path, monkeypatch
):
  plan = released_trees.PLANS['scoliosis1k']
  diagnoses = ('Negative', 'Neutral', 'Positive')
  plan = plan._replace(conditions=diagnoses, views=('000_180',))
  monkeypatch.setitem(released_trees.PLANS, 'scoliosis1k', plan)
  released_trees.write_tree('scoliosis1k', tmp_path / 'tree')
  released_trees.write_partition('scoliosis1k', tmp_path / 'people.json')
  config = config.get_config()
  config.dataset.update(format='opengait', root=str(tmp_path / 'tree'))
  config.dataset.partition = str(tmp_path / 'people.json')
  config.model = dict(channels=(4, 4, 6, 8), bins=(4,), features=6)
  config.model.dtype = 'float32'
  written = shortened(config, tmp_path / 'run')
  saved = result_files.load(written['.json'])
  assert saved.meta['protocol'] == 'scoliosis1k'
  found = {
    name: saved.result[name]
    for name in ('accuracy', 'precision', 'recall', 'f1')
  }
  assert all(0 <= value <= 100 for value in found.values())
  # Two people in test, each with every diagnosis.
  assert found['accuracy'] == pytest.approx(found['recall'])
  assert round(found['accuracy'] * 6 / 100, 9) in range(7)


@pytest.mark.parametrize('name, modality', IN_PLACE)
def test_a_modality_that_is_read_in_place(name, modality, small, tmp_path):
  partition = small(name)
  released_trees.write_tree(name, tmp_path / 'tree', modality)
  dataset = dict(root=str(tmp_path / 'tree'), format='opengait')
  written = train(
    name, modality, tmp_path / 'run', partition=str(partition), **dataset
  )
  assert_evaluated(name, written)
