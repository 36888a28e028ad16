import pathlib
import subprocess
import sys

import pytest

from gaitgs_jax.__main__ import COMMANDS, MODES, main

ROOT = pathlib.Path(__file__).parents[1]
# Python without its site-packages, as it is before anything is installed.
BARE = [sys.executable, '-S']


def _run(*words):
  return subprocess.run(words, capture_output=True, text=True, cwd=ROOT)


def test_help_needs_nothing_installed():
  done = _run(*BARE, '-m', 'gaitgs_jax', '--help')
  assert done.returncode == 0, done.stderr
  for name in (*MODES, *COMMANDS):
    assert f'\n  {name} ' in done.stdout


@pytest.mark.parametrize(
  'command',
  [
    ('-m', 'gaitgs_jax', 'report', '--workdir=x'),
    ('-m', 'gaitgs_jax', 'train', '--config=demo'),
    ('launch.py', '--help'),
  ],
)
def test_a_missing_environment_is_reported(command):
  done = _run(*BARE, *command)
  assert done.returncode == 2
  assert 'Activate the environment' in done.stderr
  assert len(done.stderr.splitlines()) == 1


def test_a_fault_of_our_own_imports_keeps_its_traceback(monkeypatch):
  monkeypatch.setitem(COMMANDS, 'broken', ('no_such_file', ''))
  with pytest.raises(ModuleNotFoundError):
    main(['broken'])


@pytest.mark.parametrize('version', [(3, 10), (3, 14)])
def test_another_python_is_reported(version, monkeypatch, capsys):
  monkeypatch.setattr(sys, 'version_info', (*version, 1))
  assert main(['report', '--workdir=x']) == 2
  assert 'needs Python 3.11, 3.12 or 3.13' in capsys.readouterr().err


def test_the_mode_of_a_command_is_its_name(capsys):
  assert main(['train', '--config=demo', '--mode=evaluate']) == 2
  assert 'unexpected --mode=evaluate' in capsys.readouterr().err
