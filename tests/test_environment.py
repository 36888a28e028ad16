"""`make` finds a fitting Python, and repairs a broken .venv."""

import os
import pathlib
import shutil
import subprocess

import pytest

SCRIPT = pathlib.Path(__file__).parents[1] / '.ci' / 'environment'
# Stands in for a Python: it fits or not, and notes what it is asked to do.
STUB = """#!/bin/sh
case "$*" in
  -c*) exit {status} ;;
  '-m venv'*)
    echo "venv by $(basename "$0")" >> log
    rm -rf .venv; mkdir -p .venv/bin; cp "$0" .venv/bin/python ;;
  '-m pip install'*)
    echo install >> log
    [ ! -e killed ] || kill -KILL $PPID ;;
esac
"""


@pytest.fixture
def project(tmp_path):
  (tmp_path / '.ci').mkdir()
  shutil.copy(SCRIPT, tmp_path / '.ci')
  for name in ('requirements.txt', 'requirements-dev.txt', 'pyproject.toml'):
    (tmp_path / name).touch()
  (tmp_path / 'bin').mkdir()
  for tool in ('bash', 'basename', 'cat', 'cp', 'dirname', 'mkdir', 'rm', 'sh',
               'touch'):  # fmt: skip
    (tmp_path / 'bin' / tool).symlink_to(shutil.which(tool))
  return tmp_path


def _python(path, fits=True):
  path.parent.mkdir(parents=True, exist_ok=True)
  path.write_text(STUB.format(status=0 if fits else 1))
  path.chmod(0o755)


def _run(project, name='run', **environment):
  """Returns the finished script and what was done."""
  (project / 'log').unlink(missing_ok=True)
  done = subprocess.run(
    ['bash', project / '.ci' / 'environment', name],
    capture_output=True,
    text=True,
    cwd=project,
    env={'PATH': str(project / 'bin'), **environment},
  )
  log = project / 'log'
  return done, log.read_text().splitlines() if log.exists() else []


def test_a_python_that_fits_is_found_and_used_once(project):
  _python(project / 'bin' / 'python3.13', fits=False)  # As pyenv's shims do.
  _python(project / 'bin' / 'python3.12')
  _python(project / 'bin' / 'python3.11')
  done, log = _run(project)
  assert done.returncode == 0, done.stderr
  assert log == ['venv by python3.12', 'install']
  assert _run(project)[1] == []
  assert _run(project, 'dev')[1] == ['install']
  assert _run(project)[1] == []


def test_changed_requirements_are_installed(project):
  _python(project / 'bin' / 'python3')
  _run(project)
  later = (project / '.venv' / 'run').stat().st_mtime + 10
  os.utime(project / 'pyproject.toml', (later, later))
  assert _run(project)[1] == ['install']


def test_no_python_that_fits_is_reported(project):
  _python(project / 'bin' / 'python3', fits=False)
  done, log = _run(project)
  assert done.returncode == 2
  assert 'needs Python 3.11, 3.12 or 3.13' in done.stderr
  assert 'WSL' in done.stderr
  assert not log
  assert not (project / '.venv').exists()


def test_the_python_that_is_asked_for_is_used(project):
  _python(project / 'bin' / 'python3.13')
  _python(project / 'other' / 'python')
  _, log = _run(project, PYTHON=str(project / 'other' / 'python'))
  assert log[0] == 'venv by python'


def test_the_environment_of_an_unfit_python_is_made_again(project):
  _python(project / '.venv' / 'bin' / 'python', fits=False)
  (project / '.venv' / 'run').touch()
  _python(project / 'bin' / 'python3.11')
  done, log = _run(project)
  assert log == ['venv by python3.11', 'install']
  assert 'making .venv again' in done.stderr


def test_an_interrupted_installation_is_made_again(project):
  _python(project / 'bin' / 'python3')
  (project / 'killed').touch()
  done, _ = _run(project)
  assert done.returncode != 0
  (project / 'killed').unlink()
  assert _run(project)[1] == ['venv by python3', 'install']
  assert _run(project)[1] == []
