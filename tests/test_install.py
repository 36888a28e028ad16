"""`pip install .` gives the whole program, anywhere, with nothing around it."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile

import pytest
import setuptools

import gaitgs_jax

ROOT = pathlib.Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / 'pyproject.toml').read_text())
NEEDED = re.search(r'>=(\d+)', PROJECT['build-system']['requires'][0])
# A user's own modules of these names must not be taken for ours.
TRAP = 'raise ImportError("the user\'s own module is imported")\n'
# The demo's three commands, small, in one process: imports cost the most.
PROGRAM = """
import sys
from gaitgs_jax.__main__ import main

assert main(['prepare', '--dataset=synthetic_walkers', '--variant=tiny',
             '--root=prepared', '--workers=1']) == 0
sys.argv = [
  'gaitgs', 'train', '--config=configs/demo.py', '--workdir=run',
  '--config.dataset.variant=tiny', '--config.dataset.root=prepared',
  '--config.total_steps=1', '--config.batch.subjects=2',
  '--config.batch.frames=4', '--config.model.channels=(2, 4, 8)',
  '--config.model.parts=2', '--config.model.strips=2',
  '--config.model.features=4', '--config.model.heads=2',
  '--config.tensorboard=False',
  '--config.schedule.warmup_steps=1', '--config.evaluation.untrained=False',
  '--config.evaluation.baseline=False',
]
assert main() == 0
assert main(['report', '--workdir=run']) == 0
for name, module in sorted(sys.modules.items()):
  if name.split('.')[0] in ('gaitgs_jax', 'data', 'configs', 'launch'):
    print('module', name, getattr(module, '__file__', None))
"""


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
  """Builds the wheel of a copy of what git has, without the network."""
  if int(setuptools.__version__.split('.')[0]) < int(NEEDED.group(1)):
    pytest.skip(f'needs setuptools {NEEDED.group(1)}: see requirements-dev.txt')
  folder = tmp_path_factory.mktemp('wheel')
  source = folder / 'source'
  ignored = shutil.ignore_patterns(
    '.*', 'tests', 'runs', 'build', 'dist', '*.egg-info', '__pycache__'
  )
  shutil.copytree(ROOT, source, symlinks=True, ignore=ignored)
  _pip('wheel', '--no-deps', '--no-build-isolation', '-w', folder, source)
  return next(folder.glob('*.whl'))


@pytest.fixture(scope='module')
def environment(wheel, tmp_path_factory):
  """Makes an environment of the wheel and the packages that tests run with."""
  folder = tmp_path_factory.mktemp('environment')
  venv.create(folder, with_pip=False)
  python = folder / 'bin' / 'python'
  _pip('--python', python, 'install', '--no-deps', '--no-index', wheel)
  site = next(folder.glob('lib/python*/site-packages'))
  # Their own .pth files, such as this project's own, are not followed there.
  paths = {path for path in sys.path if path.endswith('-packages')}
  (site / 'packages.pth').write_text('\n'.join(sorted(paths)) + '\n')
  return folder


def _pip(*words):
  words = [sys.executable, '-m', 'pip', '--quiet', *map(str, words)]
  done = subprocess.run(words, capture_output=True, text=True)
  assert done.returncode == 0, done.stderr


def test_the_wheel_holds_every_file(wheel):
  held = set(zipfile.ZipFile(wheel).namelist())
  assert {name.split('/')[0].split('-')[0] for name in held} == {'gaitgs_jax'}
  for folder, inside in (
    ('gaitgs_jax', 'gaitgs_jax'),
    ('data', 'gaitgs_jax/data'),
    ('configs', 'gaitgs_jax/configs'),
  ):
    for path in (ROOT / folder).rglob('*'):
      if path.suffix in ('.py', '.json', '.safetensors'):
        assert f'{inside}/{path.relative_to(ROOT / folder)}' in held


def test_the_demo_runs_elsewhere(environment, tmp_path):
  for name in ('data', 'configs', 'launch'):
    (tmp_path / f'{name}.py').write_text(TRAP)
  given = {k: v for k, v in os.environ.items() if k != 'PYTHONPATH'}
  done = subprocess.run(
    [environment / 'bin' / 'python', '-c', PROGRAM],
    capture_output=True,
    text=True,
    cwd=tmp_path,
    env=given,
  )
  assert done.returncode == 0, done.stderr
  assert 'trained 1 steps' in done.stdout
  assert (tmp_path / 'run' / 'report.html').exists()
  modules = [
    line.split(' ', 2)[1:]
    for line in done.stdout.splitlines()
    if line.startswith('module ')
  ]
  assert 'gaitgs_jax.data.builders' in dict(modules)
  for name, file in modules:
    assert name.split('.')[0] == 'gaitgs_jax', name
    assert file == 'None' or pathlib.Path(file).is_relative_to(environment)


def test_the_console_script_lists_the_commands(environment, tmp_path):
  done = subprocess.run(
    [environment / 'bin' / 'gaitgs', '--help'],
    capture_output=True,
    text=True,
    cwd=tmp_path,
  )
  assert done.returncode == 0, done.stderr
  assert 'usage: gaitgs COMMAND' in done.stdout


def test_the_metadata_agrees_with_the_requirements():
  project = PROJECT['project']
  assert project['version'] == gaitgs_jax.__version__
  for name, wanted in project['optional-dependencies'].items():
    lines = (ROOT / f'requirements-{name}.txt').read_text().splitlines()
    stated = [each for each in lines if each and each[0] not in '#-']
    assert stated == wanted
