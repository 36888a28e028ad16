import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest
from training import tiny

from gaitgs_jax.errors import UserError
from gaitgs_jax.training import checkpoint, loop


@contextlib.contextmanager
def _read_only(folder):
  """Makes a folder read-only, for root too."""
  folder.chmod(0o555)
  user = os.geteuid()
  if not user:
    os.seteuid(65534)
  try:
    yield
  finally:
    os.seteuid(user)
    folder.chmod(0o755)


def test_a_read_only_workdir_is_told_at_once(config):
  with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    with (
      _read_only(folder),
      pytest.raises(UserError, match='cannot be written in: Permission denied'),
    ):
      loop.train(config, folder)
    assert list(folder.iterdir()) == []


def test_an_evaluation_into_a_read_only_workdir_is_told_at_once(
  config, monkeypatch
):
  with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    monkeypatch.setattr(checkpoint, 'find', lambda path: path)
    with (
      _read_only(folder),
      pytest.raises(UserError, match='cannot be written in: Permission denied'),
    ):
      loop.evaluate(config, folder)


def test_a_path_may_hold_spaces_and_any_letters(config, tree, tmp_path, capsys):
  folder = tmp_path / 'Gänge und 步态' / "run's #1 %20"
  data = shutil.copytree(tree, folder / 'дата set')
  shutil.copy(tree.with_suffix('.json'), data.with_suffix('.json'))
  config.dataset.root, config.dataset.partition = str(data), f'{data}.json'
  workdir = folder / 'run'
  for config.total_steps in (2, 4):
    loop.train(config, workdir)
  loop.evaluate(config, workdir)
  assert 'going on from step 2' in capsys.readouterr().out
  assert checkpoint.find(workdir).name == '4'
  assert (workdir / 'evaluation' / 'step_000004.json').exists()


CONFIG = """
from training import tiny

def get_config():
  config = tiny.get_config({tree!r})
  config.model.features, config.total_steps = 20_000, 4
  config.evaluation.protocol = ''
  return config
"""
# Lets no file grow beyond 200 KiB, which only a checkpoint of it does.
LIMITED = ('bash', '-c', 'trap "" XFSZ; ulimit -f 200; exec "$@"', 'bash')


def test_a_full_disk_at_a_save_ends_the_run_with_a_sentence(
  config, tree, tmp_path
):
  path = tmp_path / 'config.py'
  path.write_text(CONFIG.format(tree=str(tree)))
  config.model.features, config.total_steps = 20_000, 2
  config.evaluation.protocol = ''
  loop.train(config, tmp_path / 'run')
  full = subprocess.run(
    [
      *LIMITED,
      *(sys.executable, tiny.__file__, f'--config={path}'),
      f'--workdir={tmp_path / "run"}',
    ],
    capture_output=True,
    text=True,
    # What is compiled must not meet the limit.
    env={**tiny.environment(), 'JAX_ENABLE_COMPILATION_CACHE': '0'},
  )
  assert full.returncode == 2, full.stderr
  assert 'file too large; the checkpoints already there' in full.stderr
  assert 'Traceback' not in full.stderr
  assert checkpoint.find(tmp_path / 'run').name == '2'
