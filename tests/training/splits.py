"""Trains, evaluates and searches on many meshes: `python splits.py ROOT OUT`.

The processes that run it share their devices in every split that the command
line names after that, such as 4x1; test_splits.py runs it, and in one process.
"""

import pathlib
import sys

import jax
import numpy as np
from training import tiny

from gaitgs_jax import models
from gaitgs_jax.evaluation import search
from gaitgs_jax.training import loop, processes

GALLERY, NEAREST = 61, 9


def get_config(root, data, model):
  """Returns a run that 1, 2, 3, 4 and 6 devices can share either way."""
  config = tiny.get_config(root)
  config.batch.subjects, config.batch.sequences = 4, 3
  config.model.num_classes = 12  # Split over 'model'.
  config.losses.identity = dict(scale=16.0, smoothing=0.1)
  # Adam would divide gradients near zero by themselves, rounding and all.
  config.optimizer = dict(
    name='sgd', learning_rate=0.05, momentum=0.9, weight_decay=5e-4
  )
  config.total_steps, config.log_every = 3, 1
  config.checkpoint.every_steps = 3
  # Five rows of 11 frames divide over no mesh but that of one device.
  config.evaluation.batch_frames = 55
  config.mesh = dict(data=data, model=model)
  return config


def embeddings(rows, seed):
  """Returns embeddings [rows,2,3]."""
  return np.random.default_rng(seed).normal(size=(rows, 2, 3))


def find():
  """Returns what a search finds in the parts that the processes hold.

  Exactly, and among what is nearest by all principal components.
  """
  count, here = jax.process_count(), jax.process_index()
  first, last = (GALLERY * i * i // count**2 for i in (here, here + 1))
  own, probes = embeddings(GALLERY, 1)[first:last], embeddings(5, 0)
  devices = jax.devices()
  exact = search.search(probes, own, NEAREST, devices=devices)
  preselect = search.Preselection.fit(own, features=6, devices=devices)
  near = search.search(
    *(probes, own, NEAREST),
    preselect=preselect,
    candidates=GALLERY // 2,
    devices=devices,
  )
  return *exact, *near


def main(root, out, *splits):
  """Writes OUT/<split> for each split and OUT/found_<process>.npz."""
  # Loading it takes longer than all that is computed here.
  sys.modules['tensorflow'] = None
  models.create = tiny.create
  processes.join()
  for split in splits:
    data, model = map(int, split.split('x'))
    loop.train(get_config(root, data, model), pathlib.Path(out, split))
  np.savez(pathlib.Path(out, f'found_{jax.process_index()}.npz'), *find())


if __name__ == '__main__':
  main(*sys.argv[1:])
