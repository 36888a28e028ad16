import json
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
DEMO = '--config=configs/demo.py'


def _launch(*flags):
  return subprocess.run(
    [sys.executable, 'launch.py', *flags],
    capture_output=True,
    text=True,
    cwd=ROOT,
  )


def test_help_tells_every_flag():
  done = _launch('--help')
  assert done.returncode == 0
  for flag in ('--config', '--workdir', '--mode', '--checkpoint'):
    assert flag in done.stdout


def test_every_field_of_a_runs_json_is_shown_as_the_shell_sets_it(tmp_path):
  fields = {**json.loads(_launch(DEMO, '--mode=show').stdout), 'seed': 7}
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
  )
  assert done.returncode == 0, done.stderr
  fields['batch']['subjects'] = 4
  fields['model']['channels'] = [4, 8, 16]
  fields['augment'] = [{'name': 'rotation', 'probability': 0.3}]
  fields['losses']['second'] = {'kind': 'triplet', 'margin': 0.1}
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
  'flags, words',
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
    ((DEMO, '--mode=compile', '--topology=v5x'), '--topology=v5x'),
    ((DEMO, '--workdir=x', '--config.total_steps=0'), 'total_steps is 0'),
    ((DEMO, '--workdir=x', '--mode=evaluate'), 'no checkpoint in'),
  ],
)
def test_a_wrong_command_line_is_one_sentence(flags, words, tmp_path):
  flags = [f.replace('--workdir=x', f'--workdir={tmp_path}/x') for f in flags]
  done = _launch(*flags)
  assert done.returncode == 2
  assert done.stderr.startswith('error: ')
  assert words in done.stderr
  assert 'Traceback' not in done.stderr
  assert len(done.stderr.splitlines()) == 1
