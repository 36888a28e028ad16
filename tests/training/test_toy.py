"""A model of two modalities on the user's own data, by files outside alone."""

import json
import pickle
import sys

import numpy as np

from gaitgs_jax.apps import config_file
from gaitgs_jax.training import evaluating, loop

PARTS = '''
import dataclasses

import jax
import jax.numpy as jnp
from flax import nnx
from gaitgs_jax.input import samplers
from gaitgs_jax.models import GaitOutput


@dataclasses.dataclass(frozen=True, kw_only=True)
class Turns(samplers.PK):
  """The training sequences in turns, all people of them."""

  first: int = 1

  def draw(self, table, seed, step):
    print('turn', self.first + step)
    return table.rows[: self.rows]


class Both(nnx.Module):
  """Means over frames of silhouettes and of joints, side by side."""

  def __init__(self, *, features: int = 3, dtype: str = 'float32', rngs):
    self.joints = nnx.Linear(34, features, rngs=rngs)
    self.rows = nnx.Linear(6, features, rngs=rngs)

  def __call__(self, inputs, mask=None, *, train=False, key=None):
    joints, rows = inputs['keypoints'], inputs['silhouettes']
    joints = joints[..., :2].mean(axis=1).reshape(len(joints), -1)
    x = [self.joints(joints), self.rows(rows[..., 0].mean(axis=(1, 2)))]
    x = jnp.stack(x, axis=1)
    return GaitOutput(x, x, None, {})


def create(*, rngs, **config) -> Both:
  return Both(rngs=rngs, **config)


def loss(output, batch):
  return jnp.square(output.features).mean(), {}


def darken(x, key, *, most: float = 0.5):
  return x * (1 - most * jax.random.uniform(key))
'''
CONFIG = """
from gaitgs_jax.configs import common


def get_config():
  config = common.run(
    'own',
    'corridor.json',
    silhouettes=dict(size=(8, 6)),
    keypoints=dict(size=(17, 3)),
  )
  config.dataset.update(format='opengait', root='walks')
  config.dataset.partition = 'people.json'
  config.total_steps, config.log_every = 2, 1
  config.tensorboard = False
  config.batch.update(sampler='mine.parts.Turns', first=7)
  config.batch.update(subjects=2, sequences=2, frames=4)
  config.augment = (dict(name='mine.parts.darken', probability=0.5),)
  config.model_name = 'mine.parts'
  config.model = dict(features=4)
  config.losses.small = dict(kind='mine.parts.loss', weight=0.1)
  config.losses.triplet = dict(margin=0.2)
  config.optimizer = dict(name='sgd', learning_rate=0.1)
  config.schedule = dict(name='constant')
  config.evaluation.every_steps = 2
  config.mesh.data = 1
  return config
"""
CORRIDOR = {
  'gallery': {'condition': 'monday'},
  'probes': {'condition': 'friday'},
  'metrics': ['rank1', 'mAP'],
}


def write_walks(root):
  random = np.random.default_rng(0)
  for person in ('ann', 'bob', 'eve', 'max'):
    for walk in ('monday', 'friday'):
      folder = root / person / walk / 'door'
      folder.mkdir(parents=True)
      frames = random.integers(0, 256, (5, 8, 6), np.uint8)
      frames[:, 0, 0] = 255
      joints = random.uniform(10, 200, (5, 17, 3)).astype(np.float32)
      joints[..., 2] = 0.9
      (folder / 'sil.pkl').write_bytes(pickle.dumps(frames))
      (folder / 'pose.pkl').write_bytes(pickle.dumps(joints))
  names = {'TRAIN_SET': ['ann', 'bob'], 'TEST_SET': ['eve', 'max']}
  (root.parent / 'people.json').write_text(json.dumps(names))


def test_everything_is_the_users_own(tmp_path, monkeypatch, capsys):
  write_walks(tmp_path / 'walks')
  (tmp_path / 'mine').mkdir()
  (tmp_path / 'mine' / 'parts.py').write_text(PARTS)
  (tmp_path / 'config.py').write_text(CONFIG)
  (tmp_path / 'corridor.json').write_text(json.dumps(CORRIDOR))
  monkeypatch.chdir(tmp_path)
  monkeypatch.syspath_prepend(tmp_path)
  for name in ('mine', 'mine.parts'):
    monkeypatch.delitem(sys.modules, name, raising=False)
  config = config_file.load('config.py')
  loop.train(config, 'run')
  out = capsys.readouterr().out
  assert 'turn 7' in out and 'turn 8' in out
  assert 'step 2/2' in out
  assert 'protocol  corridor' in out
  evaluating.evaluate(config, 'run')
  table = capsys.readouterr().out
  assert 'rank-1' in table and 'mAP' in table
