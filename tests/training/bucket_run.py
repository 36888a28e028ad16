"""A program: runs in gs://bucket, which is the folder ROOT/bucket.

What stands in for the bucket stays for the rest of a process.
"""

import pathlib
import shutil
import sys

import buckets
import jax
import numpy as np
import pytest
from training import tiny

from gaitgs_jax import __main__, cloud, models
from gaitgs_jax.errors import UserError
from gaitgs_jax.training import checkpoint, evaluating, loop, meshes, setup

RUN = 'gs://bucket/run'


def main(root):
  """Trains in two parts, evaluates, reports, and loses a file."""
  # Quick to start and to compile.
  sys.modules['tensorflow'] = None
  jax.config.update('jax_disable_most_optimizations', True)
  answers = buckets.serve(root)
  models.create = tiny.create
  config = tiny.get_config(root / 'bucket' / 'tree')
  config.dataset.root = 'gs://bucket/tree'
  config.total_steps = 3
  loop.train(config, RUN)
  # What a process leaves that is killed while it saves.
  half = root / 'bucket' / 'run' / 'checkpoints' / '5'
  (half / 'default').mkdir(parents=True)
  (half / 'default' / 'manifest.ocdbt').write_text('half')
  evaluating.evaluate(config, root / 'other', RUN)
  assert half.exists(), 'what only reads a run removes nothing of it'
  # What older versions left when they were killed.
  (root / 'bucket' / 'run' / 'config.json').write_text('{"seed": 1, "da')
  shutil.rmtree(root / 'bucket' / 'run' / 'checkpoints' / '3' / 'metrics')
  config.total_steps = 6
  loop.train(config, RUN)
  evaluating.evaluate(config, root / 'other', f'{RUN}/checkpoints/6')
  assert __main__.main(['report', f'--workdir={RUN}']) == 0
  loop.train(config, root / 'disk')
  _assert_equal(_final(config, RUN), _final(config, root / 'disk'))
  shutil.rmtree(root / 'bucket' / 'run' / 'checkpoints' / '6' / 'default')
  with checkpoint.Checkpoints(cloud.folder(RUN)) as kept:
    assert kept.latest() == 4
  answers.refuses = True
  with pytest.raises(UserError, match='could not write in gs://bucket/run '):
    loop.train(config, RUN)


def _final(config, run):
  _, like = setup.describe_state(config, meshes.create(**config.mesh))
  optimizer, _ = setup.create_optimizer(config)
  with checkpoint.Checkpoints(cloud.folder(run)) as kept:
    return kept.restore(6, like, optimizer)


def _assert_equal(left, right):
  assert jax.tree.structure(left) == jax.tree.structure(right)
  for x, y in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True):
    assert np.asarray(x).tobytes() == np.asarray(y).tobytes()


if __name__ == '__main__':
  main(pathlib.Path(sys.argv[1]))
