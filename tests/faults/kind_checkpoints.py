"""Checkpoints after power cuts, and on disks that fail for a moment."""

import atexit
import errno
import functools
import os
import pathlib
import random
import shutil
import tempfile
import unittest.mock

import numpy as np
from faults import trials

from gaitgs_jax import files
from gaitgs_jax.errors import UserError
from gaitgs_jax.training import (
  checkpoint,
  holding,
  restoring,
  scores,
  workdirs,
  writers,
)
from gaitgs_jax.training.scores import Score

_STATS = {'mean': np.full(3, 2.0, np.float32)}
_LAST = 3


def _params(step: int) -> dict[str, np.ndarray]:
  return {'w': np.full(2000, step, np.float32), 'b': np.ones(3, np.float32)}


@functools.cache
def _whole() -> pathlib.Path:
  """Returns a workdir with checkpoints 2 and 3, scores and a table."""
  folder = pathlib.Path(tempfile.mkdtemp(prefix='gaitgs_jax-trials-'))
  atexit.register(shutil.rmtree, folder, ignore_errors=True)
  with checkpoint.Checkpoints(folder) as kept:
    for step in range(1, _LAST + 1):
      tree = {'step': np.int32(step), 'params': _params(step), 'stats': _STATS}
      kept.save(step, tree)
      kept.add_score(step, Score(float(step), 'on A'))
  table = writers.Table(folder / 'metrics.csv')
  for step in range(1, _LAST + 1):
    table.write(step, {'loss': 1.0 / step})
  workdirs.write_facts(folder, {'seed': 1, 'total_steps': 9}, _params(0))
  return folder


def _cut(chance: random.Random, path: pathlib.Path) -> str:
  """Leaves of a file what a power cut may leave of it."""
  data = path.read_bytes()
  how = chance.choice(['empty', 'cut', 'zeros'])
  size = chance.randrange(len(data)) if data else 0
  path.write_bytes(
    {'empty': b'', 'cut': data[:size], 'zeros': bytes(len(data))}[how]
  )
  return f'{path.name} {how}'


def _open(folder: pathlib.Path) -> int:
  """Opens a workdir as a run does; returns the step it goes on from."""
  with holding.hold(folder), checkpoint.Checkpoints(folder) as kept:
    last = kept.latest()
    assert last is not None
    step, params, _ = restoring.restore_model(
      checkpoint.find(folder), _params(0), _STATS
    )
    assert step == last
    np.testing.assert_array_equal(params['w'], _params(last)['w'])
    writers.Table(folder / 'metrics.csv', resume_step=last).write(9, {'x': 1.0})
    return last


@trials.kind('power cut after a checkpoint', short=6)
def power_cut(chance: random.Random, folder: pathlib.Path) -> str:
  """Cuts files that were written last; the run goes on, losing one at most."""
  run = shutil.copytree(_whole(), folder / 'run')
  last = run / 'checkpoints' / str(_LAST)
  found = [path for path in last.rglob('*') if path.is_file()]
  found += [path for path in run.iterdir() if path.is_file()]
  cut = chance.sample(sorted(found), chance.randint(1, 5))
  told = ', '.join(_cut(chance, path) for path in cut)
  step = _open(run)
  assert step in (_LAST, _LAST - 1), (step, told)
  damaged = last.with_name(f'{_LAST}.damaged')
  assert damaged.exists() == (step != _LAST), told
  assert _open(run) == step
  return told


@trials.kind('a disk that cannot be read for a moment', short=6)
def unreadable(chance: random.Random, folder: pathlib.Path) -> str:
  """Lets reading fail a few times; nothing may be moved or lost."""
  run = shutil.copytree(_whole(), folder / 'run')
  before = _content(run / 'checkpoints')
  code = chance.choice([errno.EIO, errno.ESTALE, errno.EACCES])
  skipped, times = chance.randrange(30), chance.choice([1, 2, 1000])
  calls, open_regular = [], files.open_regular

  def fail(*args, **options):
    calls.append(args)
    if skipped < len(calls) <= skipped + times:
      raise OSError(code, os.strerror(code))
    return open_regular(*args, **options)

  told = f'{os.strerror(code)}, {times} times after {skipped} reads'
  with (
    unittest.mock.patch.object(files, '_WAITS', (0, 0)),
    unittest.mock.patch.object(files, 'open_regular', fail),
  ):
    try:
      assert _open(run) == _LAST, told
    except UserError as error:
      assert 'cannot be read' in str(error) and times > 2, told
  assert _content(run / 'checkpoints') == before, told
  assert _open(run) == _LAST
  return told


@trials.kind('links in a workdir', short=4)
def links(chance: random.Random, folder: pathlib.Path) -> str:
  """Makes files of a workdir links; what they point to stays as it is."""
  run = shutil.copytree(_whole(), folder / 'run')
  target = folder / 'target'
  target.write_text('of the user')
  names = ['config.json', 'versions.json', 'parameters.txt', 'metrics.csv']
  scored = f'checkpoints/{_LAST}/{scores.FOLDER}/metrics'
  chosen = chance.sample([*names, scored], chance.randint(1, 4))
  for name in chosen:
    (run / name).unlink(missing_ok=True)
    (run / name).symlink_to(target)
  assert _open(run) == _LAST
  with checkpoint.Checkpoints(run) as kept:
    kept.add_score(_LAST, Score(5.0, 'on A'))
  workdirs.write_facts(run, {'seed': 1}, {})
  assert target.read_text() == 'of the user', chosen
  assert not any((run / name).is_symlink() for name in chosen), chosen
  return ', '.join(chosen)


def _content(folder: pathlib.Path) -> dict[str, bytes]:
  return {
    str(path.relative_to(folder)): path.read_bytes()
    for path in folder.rglob('*')
    if path.is_file()
  }
