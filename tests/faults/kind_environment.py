"""What a machine, a cluster or a config may ask for or refuse."""

import os
import pickle
import re
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from faults import trials
from training import tiny

from gaitgs_jax.errors import UserError
from gaitgs_jax.input import sources, tree_index
from gaitgs_jax.input.workers import Workers
from gaitgs_jax.training import checks, processes, setup

_SUBJECTS, _VIEWS = 4, 3
_CONFIG = """
from training import tiny

def get_config():
  config = tiny.get_config({tree!r})
  config.total_steps, config.evaluation.protocol = 1, ''
  return config
"""
_SLURM = {
  'SLURM_JOB_ID': '77',
  'SLURM_STEP_NODELIST': 'absent[1-4]',
  'SLURM_NTASKS': '4',
  'SLURM_PROCID': '0',
  'SLURM_LOCALID': '0',
}
# Changes of a run's environment, what is put before its command, and how its
# one message begins; '' where it must go on.
_ENVIRONMENTS = {
  'no platform': ({'JAX_PLATFORMS': 'nonsense'}, '', 'JAX_PLATFORMS=nonsense'),
  'no plugin': ({'JAX_PLATFORMS': 'cuda'}, '', 'JAX_PLATFORMS=cuda'),
  'no chip': ({'JAX_PLATFORMS': 'tpu'}, '', 'JAX_PLATFORMS=tpu'),
  'few files': ({}, 'ulimit -n 16', 'this process may have 16 files'),
  'no home': ({'HOME': None, 'USER': None, 'LOGNAME': None}, '', ''),
  'a home that is not there': ({'HOME': '/proc/nowhere'}, '', ''),
  'warnings are errors': ({'PYTHONWARNINGS': 'error'}, '', ''),
  'no folder for temporary files': ({'TMPDIR': '/proc/nowhere'}, '', ''),
  'a shell of salloc': (_SLURM | {'SLURM_STEP_NUM_TASKS': '1'}, '', ''),
  'alone in a step': (_SLURM | {'JAX_NUM_PROCESSES': '1'}, '', ''),
  'half of a cluster': (
    {'JAX_NUM_PROCESSES': '2'},
    '',
    'JAX_NUM_PROCESSES=2 alone',
  ),
}


@trials.kind('an environment that lacks something', short=1)
def try_environment(chance, folder):
  name = chance.choice(list(_ENVIRONMENTS))
  changes, before, message = _ENVIRONMENTS[name]
  tiny.write_tree(folder / 'tree')
  config = folder / 'config.py'
  config.write_text(_CONFIG.format(tree=str(folder / 'tree')))
  given = tiny.environment(tensorflow=False) | changes
  command = f'{before or "true"} && exec "$@"'
  done = subprocess.run(
    [
      *('bash', '-c', command, 'bash', sys.executable, tiny.__file__),
      *(f'--config={config}', f'--workdir={folder / "run"}'),
    ],
    env={key: value for key, value in given.items() if value is not None},
    capture_output=True,
    text=True,
    timeout=600,
  )
  errors = [
    line for line in done.stderr.splitlines() if line.startswith('error: ')
  ]
  assert 'Traceback' not in done.stderr, done.stderr
  if message:
    assert done.returncode == 2, done.stderr
    assert len(errors) == 1 and errors[0].startswith(f'error: {message}')
  else:
    assert done.returncode == 0 and not errors, done.stderr
    assert 'trained 1 steps' in done.stdout
  return name


_FIELDS = (
  'seed',
  'total_steps',
  'log_every',
  'accumulate',
  'batch.subjects',
  'batch.sequences',
  'batch.frames',
  'batch.skip',
  'evaluation.every_steps',
  'evaluation.batch_frames',
  'evaluation.frames_max',
  'checkpoint.every_steps',
  'mesh.data',
  'mesh.model',
  'model.features',
  'model.num_views',
  'inputs.silhouettes.size',
)


@trials.kind('a config that asks for too much', short=40)
def try_bounds(chance, folder):
  config = tiny.get_config(folder)
  path = chance.choice(_FIELDS)
  # Up to beyond 64 bits.
  value = int(10 ** chance.uniform(9.7, 25)) * chance.choice((1, 1, -1))
  *sections, field = path.split('.')
  section = config
  for name in sections:
    section = section[name]
  with section.unlocked(), section.ignore_type():
    section[field] = (value, 6) if field == 'size' else value
  with pytest.raises(UserError, match=re.escape(path)):
    checks.check_config(config)
  return f'{path}={value}'


@trials.kind('a tree that changes between two starts', short=20)
def try_tree(chance, folder):
  tree, lengths = folder / 'tree', {}

  def write(name):
    lengths[name] = chance.randint(1, 9)
    frames = np.zeros((lengths[name], 30, 22), np.uint8)
    path = tree / name / 'walk.pkl'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(frames))

  for subject in range(_SUBJECTS):
    for view in range(_VIEWS):
      write(f'{subject:03d}/nm-01/{view:03d}')
  with pytest.MonkeyPatch.context() as patch:
    patch.setenv('XDG_CACHE_HOME', str(folder / 'cache'))
    patch.setattr(tree_index, '_LEAST', 1)
    patch.setattr(tree_index, '_TICK_NS', -(10**12))
    changes = []
    for _ in range(3):
      change = chance.choice(('write', 'add', 'remove', 'move', 'damage'))
      name = chance.choice(sorted(lengths))
      _change_tree(change, name, tree, folder / 'cache', lengths, write)
      changes.append(f'{change} {name}')
      index = sources.OpenGaitSource(tree).index
      found = {
        index.name(row): int(index.length[row]) for row in range(len(index))
      }
      assert found == lengths
  return ', '.join(changes)


def _change_tree(change, name, tree, cache, lengths, write):
  subject, condition, view = name.split('/')
  if change == 'write':
    write(name)
  elif change == 'add':
    write(f'{subject}/{condition}/{view}9')
  elif (
    change == 'remove' and len(list((tree / subject / condition).iterdir())) > 1
  ):
    shutil.rmtree(tree / name)
    del lengths[name]
  elif change == 'move':
    moved = f'{subject}/{condition}/{view}1'
    (tree / name).rename(tree / moved)
    lengths[moved] = lengths.pop(name)
  elif change == 'damage':
    for path in cache.glob('gaitgs_jax/trees/*'):
      data = path.read_bytes()
      path.write_bytes(data[: len(data) // 2])


@trials.kind('a sequence that changes or goes during a run', short=8)
def try_sequence(chance, folder):
  tiny.write_tree(folder / 'tree')
  config = tiny.get_config(folder / 'tree')
  config.dataset.cache = ''
  data = setup.open_data(config)
  rows = data.source.index
  row = chance.randrange(len(rows))
  path = next((folder / 'tree' / rows.name(row)).iterdir())
  how = chance.choice(('delete', 'cut', 'shorten', 'folder', 'pipe', 'rights'))
  if how == 'cut':
    path.write_bytes(path.read_bytes()[: chance.randrange(200)])
  elif how == 'shorten':
    path.write_bytes(pickle.dumps(np.zeros((1, *tiny.SIZE), np.uint8)))
  elif how == 'rights':
    path.chmod(0)
  else:
    path.unlink()
    {'folder': path.mkdir, 'pipe': lambda: os.mkfifo(path)}.get(how, int)()
  user = os.geteuid()
  try:
    # Root may read everything.
    if how == 'rights' and not user:
      folder.chmod(0o755)
      os.seteuid(65534)
    with pytest.raises(UserError, match=re.escape(rows.name(row))):
      data.source.read(row)
  except PermissionError:
    pass  # A folder above is the test's alone.
  finally:
    os.seteuid(user)
  return f'{how} {rows.name(row)}'


@trials.kind('a helper process that is killed', short=2)
def try_helper(chance, folder):
  del folder
  count, number = (
    chance.randint(1, 3),
    chance.choice((signal.SIGKILL, signal.SIGTERM)),
  )
  with Workers(count) as workers:
    pids = list(workers.map([os.getpid] * count))
    os.kill(chance.choice(pids), number)
    with pytest.raises(UserError, match=f'{number.name}.*fewer --workers'):
      list(workers.map([os.getpid] * 4 * count))
  return f'{number.name}, {count} helpers'


@trials.kind('variables of a cluster', short=20)
def try_cluster(chance, folder):
  del folder
  wrong = ('', 'two', '-', '8(x2)', '1' * 5000, '٣x')
  with pytest.MonkeyPatch.context() as patch:
    for name, value in _SLURM.items():
      if chance.random() < 0.9:
        patch.setenv(name, chance.choice((value, chance.choice(wrong))))
    for name in ('SLURM_STEP_NUM_TASKS', 'OMPI_COMM_WORLD_SIZE'):
      if chance.random() < 0.7:
        patch.setenv(name, chance.choice(('1', *wrong)))
    if chance.random() < 0.3:
      patch.setenv('OMPI_MCA_orte_hnp_uri', '4096.0;tcp://10.0.0.1:1')
    patch.setattr(
      processes.jax.distributed, 'initialize', lambda **options: None
    )
    shown = {name: os.environ[name][:20] for name in processes._reasons()}
    try:
      processes.join()
    except UserError as error:
      assert 'set JAX_NUM_PROCESSES=1' in str(error) and len(str(error)) < 2001
  return str(shown)
