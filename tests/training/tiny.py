"""A model, a dataset and a config so small that whole runs are tests.

Also a program: `python tiny.py FLAGS` is `launch.py FLAGS` with that model.
"""

import json
import os
import pathlib
import pickle
import sys

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
from flax import nnx

from gaitgs_jax import models
from gaitgs_jax.errors import BadValue
from gaitgs_jax.models import layers, output

SIZE = (8, 6)
SUBJECTS = tuple(f'{i:03d}' for i in range(1, 7))
CONDITIONS = ('nm-01', 'nm-02', 'nm-05', 'bg-01')
VIEWS = ('000', '090')


class Tiny(nnx.Module):
  """Dense, BatchNorm, dropout: every kind of array that a run carries."""

  def __init__(
    self,
    *,
    features=4,
    num_views: int = 11,
    num_classes: int | None = None,
    dropout=0.5,
    rngs,
  ):
    self.layers = nnx.List(
      [
        nnx.Linear(SIZE[1], 8, rngs=rngs),
        # Adam would follow the rounding of a bias that BatchNorm takes out.
        nnx.Linear(8, features, use_bias=False, rngs=rngs),
      ]
    )
    self.norm = nnx.BatchNorm(features, momentum=0.9, rngs=rngs)
    self.views = nnx.Linear(features, num_views, rngs=rngs)
    self.identity = nnx.data(
      layers.SeparateDense(SIZE[0], features, num_classes, rngs=rngs)
      if num_classes
      else None
    )
    self.dropout = dropout

  def __call__(self, inputs, mask=None, *, train=False, key=None):
    """Maps [n,s,h,w,1] to an embedding of one part per row of pixels."""
    if inputs.shape[2:4] != SIZE:
      raise BadValue(f'frames of {SIZE} are expected')
    x = inputs[..., 0]
    weight = mask[:, :, None, None].astype(x.dtype)
    x = (x * weight).sum(axis=1) / weight.sum(axis=1)
    x = jax.nn.relu(self.layers[0](x))
    if train:
      keep = jax.random.bernoulli(key, 1 - self.dropout, x.shape)
      x = jnp.where(keep, x / (1 - self.dropout), 0)
    x = self.norm(self.layers[1](x), use_running_average=not train)
    views = self.views(x.mean(axis=1))
    logits = None if self.identity is None else self.identity(x)
    return output.GaitOutput(x, x, logits, {'view_logits': views})


def create(name, *, rngs, size=None, dtype='float32', **config):
  """Stands in for `models.create`."""
  del size
  assert (name, dtype) == ('tiny', 'float32')
  return Tiny(rngs=rngs, **config)


def write_tree(root):
  """Writes an OpenGait tree of noise with a subject's own mean."""
  random = np.random.default_rng(0)
  for subject in SUBJECTS:
    mean = random.uniform(0, 255, SIZE)
    for condition in CONDITIONS:
      for view in VIEWS:
        length = int(random.integers(5, 12))
        noise = random.normal(0, 40, (length, *SIZE))
        frames = np.clip(mean + noise, 0, 255).astype(np.uint8)
        folder = pathlib.Path(root, subject, condition, view)
        folder.mkdir(parents=True)
        (folder / f'{view}.pkl').write_bytes(pickle.dumps(frames))
  partition = {'TRAIN_SET': SUBJECTS[:4], 'TEST_SET': SUBJECTS[4:]}
  pathlib.Path(root).with_suffix('.json').write_text(json.dumps(partition))


def get_config(root='') -> ml_collections.ConfigDict:
  """Returns the config of a run on the tree of `write_tree`."""
  config = ml_collections.ConfigDict()
  config.seed = 1
  config.total_steps = 6
  config.log_every = 2
  config.tensorboard = False
  config.dataset = dict(
    name='casia_b',
    variant='',
    format='opengait',
    root=str(root),
    cache='ram',
    partition=f'{root}.json',
  )
  config.inputs = dict(silhouettes=dict(size=SIZE))
  config.batch = dict(
    sampler='pk',
    subjects=4,
    sequences=2,
    frames=4,
    frames_rule='fixed',
    order='ordered',
  )
  config.accumulate, config.remat = 1, 'none'
  config.augment = ()
  config.model_name = 'tiny'
  config.model = dict(features=4, num_views=11, dropout=0.5)
  config.losses = dict(
    triplet=dict(weight=1.0, margin=0.25), view=dict(weight=0.2)
  )
  config.optimizer = dict(name='adam', learning_rate=1e-2, weight_decay=5e-4)
  config.schedule = dict(name='step', boundaries=(4,), factor=0.1)
  config.average = dict(start=1.0, every=1, statistics_steps=0)
  config.evaluation = dict(
    protocol='casia_b',
    metric='euclidean',
    dtype='float32',
    every_steps=3,
    batch_frames=30,
    frames_max=0,
    untrained=False,
    verification=False,
    baseline=False,
    transform=(),
  )
  config.checkpoint = dict(every_steps=2)
  config.mesh = dict(data=1, model=1)
  return config


def environment(tensorflow=True):
  """Returns the environment of a run in another process.

  Args:
    tensorflow: whether the program loads it, which takes longer than a run.
  """
  root = pathlib.Path(__file__).parents[2]
  return {
    **os.environ,
    'PYTHONPATH': f'{root}{os.pathsep}{root / "tests"}',
    'JAX_PLATFORMS': 'cpu',
    'TINY_TENSORFLOW': str(int(tensorflow)),
  }


if __name__ == '__main__':
  from gaitgs_jax import __main__ as commands

  if os.environ.get('TINY_TENSORFLOW') == '0':
    sys.modules['tensorflow'] = None
  models.create = create
  sys.exit(commands.launch(sys.argv))
