import contextlib
import gc
import os
import pathlib
import resource
import shutil
import tempfile

import pytest

from gaitgs_jax.errors import UserError
from gaitgs_jax.training import checkpoint, evaluating, loop


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
      evaluating.evaluate(config, folder)


def test_a_path_may_hold_spaces_and_any_letters(config, tree, tmp_path, capsys):
  folder = tmp_path / 'Gänge und 步态' / "run's #1 %20"
  data = shutil.copytree(tree, folder / 'дата set')
  shutil.copy(tree.with_suffix('.json'), data.with_suffix('.json'))
  config.dataset.root, config.dataset.partition = str(data), f'{data}.json'
  workdir = folder / 'run'
  for config.total_steps in (2, 4):
    loop.train(config, workdir)
  evaluating.evaluate(config, workdir)
  assert 'going on from step 2' in capsys.readouterr().out
  assert checkpoint.find(workdir).name == '4'
  assert (workdir / 'evaluation' / 'step_000004.json').exists()


@pytest.fixture
def full_disk():
  """Lets no file grow beyond 100 kB, which only a checkpoint would."""
  soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
  # Python ignores the signal that would end the process.
  resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
  yield
  resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


# Orbax drops what it was about to write, and Python tells.
@pytest.mark.filterwarnings('ignore::pytest.PytestUnraisableExceptionWarning')
def test_a_full_disk_at_a_save_ends_the_run_with_a_sentence(
  config, tmp_path, request
):
  config.model.features, config.total_steps = 10_000, 2
  config.evaluation.protocol = ''
  loop.train(config, tmp_path)
  config.total_steps = 4
  request.getfixturevalue('full_disk')
  with pytest.raises(UserError, match='file too large; the checkpoints'):
    loop.train(config, tmp_path)
  assert checkpoint.find(tmp_path).name == '2'
  gc.collect()
