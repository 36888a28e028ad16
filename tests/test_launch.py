import json
import pathlib
import subprocess
import sys

import pytest

from gaitgs_jax import __main__ as commands

ROOT = pathlib.Path(__file__).parents[1]
DEMO = '--config=configs/demo.py'


def _launch(*given):
  return subprocess.run(
    [sys.executable, 'launch.py', *given],
    capture_output=True,
    text=True,
    cwd=ROOT,
  )


@pytest.fixture
def launch(monkeypatch):
  """Runs launch.py's flags in this process."""
  monkeypatch.chdir(ROOT)
  monkeypatch.setenv('JAX_NUM_PROCESSES', '1')
  return lambda *given: commands.launch(['launch.py', *given])


def test_help_tells_every_flag():
  done = _launch('--help')
  assert done.returncode == 0
  for flag in ('--config', '--workdir', '--mode', '--checkpoint'):
    assert flag in done.stdout


def test_every_field_of_a_runs_json_is_shown_as_the_shell_sets_it(
  tmp_path, launch, capsys
):
  assert launch(DEMO, '--mode=show') == 0
  fields = {**json.loads(capsys.readouterr().out), 'seed': 7}
  path = tmp_path / 'config.json'
  path.write_text(json.dumps(fields))
  done = _launch(
    f'--config={path}',
    '--mode=show',
    '--config.batch.subjects=4',
    '--config.model.channels=(4, 8, 16)',
    '--config.augment.0.name=rotation',
    '--config.augment.0.probability=0.3',
    '--config.losses.second.kind=triplet',
    '--config.losses.second.margin=0.1',
    '--config.mixture.own.name=own',
    '--config.mixture.own.root=TREE',
    '--config.batch.mixture_power=0.5',
  )
  assert done.returncode == 0, done.stderr
  fields['batch']['subjects'] = 4
  fields['model']['channels'] = [4, 8, 16]
  fields['augment'] = [{'name': 'rotation', 'probability': 0.3}]
  fields['losses']['second'] = {'kind': 'triplet', 'margin': 0.1}
  fields['mixture'] = {'own': {'name': 'own', 'root': 'TREE'}}
  fields['batch']['mixture_power'] = 0.5
  assert json.loads(done.stdout) == fields


def test_help_imports_no_heavy_library():
  program = (
    'import sys\n'
    'from gaitgs_jax.apps import launch\n'
    'launch.main(["launch.py", "--help"])\n'
    'heavy = {"jax", "flax", "orbax", "tensorflow", "clu", "numpy"}\n'
    'sys.exit(", ".join(heavy & set(sys.modules)) or 0)'
  )
  done = subprocess.run(
    [sys.executable, '-c', program], capture_output=True, text=True, cwd=ROOT
  )
  assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
  ('given', 'words'),
  [
    ((), '--config=FILE is missing'),
    ((DEMO,), '--workdir=DIR is missing'),
    (('--config.seed=3', '--workdir=x'), '--config=FILE is missing'),
    ((DEMO, '--workdr=x'), "--workdr (did you mean '--workdir'?)"),
    (('--config=configs/nothing.py', '--workdir=x'), 'configs/nothing.py'),
    (
      (DEMO, '--workdir=x', '--config.batch.subject=4'),
      "no field 'subject' in --config.batch.subject (did you mean 'subjects'?)",
    ),
    (
      (DEMO, '--workdir=x', '--config.btch.subjects=4'),
      "no field 'btch' in --config.btch.subjects (did you mean 'batch'?)",
    ),
    ((DEMO, '--workdir=x', '--config.batch.subjects=many'), "'many'"),
    ((DEMO, '--workdir=x', '--mode=serve'), '<train|evaluate|show|compile>'),
    ((DEMO, '--workdir=x', 'extra'), "unexpected argument 'extra'"),
    ((DEMO, '--workdir=x', '--workdir=y'), '--workdir is given more than once'),
    (
      (DEMO, '--workdir=x', '--config.seed=1', '--config.seed=2'),
      '--config.seed is given more than once',
    ),
    ((DEMO, '--lr=3'), "(did you mean '--config.optimizer.learning_rate'?)"),
    ((DEMO, '--config.lr=3'), "(did you mean 'optimizer.learning_rate'?)"),
    ((DEMO, '--seeds=3'), "(did you mean '--config.seed'?)"),
    ((DEMO, '--kitchen=3'), 'unknown flag --kitchen; --help'),
    ((DEMO, '--workdir=x', '--topology=v5e:2x4'), '--mode=compile'),
    (
      (DEMO, '--workdir=x', '--checkpoint=/a/b'),
      '--config.init.checkpoint=/a/b',
    ),
    ((DEMO, '--mode=compile', '--checkpoint='), '--mode=evaluate: training'),
    ((DEMO, '--workdir=x', '--config.total_steps=0'), 'total_steps is 0'),
    ((DEMO, '--workdir=x', '--mode=evaluate'), 'no checkpoint in'),
  ],
)
def test_a_wrong_command_line_is_one_sentence(
  given, words, tmp_path, launch, capsys
):
  assert launch(*(each.replace('=x', f'={tmp_path}/x') for each in given)) == 2
  error = capsys.readouterr().err
  assert error.startswith('error: ')
  assert words in error
  assert len(error.splitlines()) == 1


def test_a_topology_that_does_not_exist_is_one_sentence():
  # In a process of its own: it sets which platform JAX uses.
  done = _launch(DEMO, '--mode=compile', '--topology=v5x')
  assert done.returncode == 2
  assert done.stderr.startswith('error: --topology=v5x')
  assert len(done.stderr.splitlines()) == 1
