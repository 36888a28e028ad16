import csv
import shutil

import pytest
from faults import kills

from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import result_files
from gaitgs_jax.input import pickles
from gaitgs_jax.training import loop

TRAINED, TESTED = '002/nm-01/000', '005/nm-05/090'


@pytest.fixture
def corrupted(config, monkeypatch):
  """A config on data of which a training and a test sequence do not read."""
  load = pickles.load

  def load_whole(path, *args):
    if any(name in str(path) for name in (TRAINED, TESTED)):
      raise UserError(f'{path}: is cut off')
    return load(path, *args)

  monkeypatch.setattr(pickles, 'load', load_whole)
  config.dataset.on_error = 'skip'
  config.log_every = 1
  config.batch.sequences = 6  # Of eight: nearly every batch has the bad one.
  return config


def test_a_corrupted_sequence_ends_the_run_by_name(corrupted, tmp_path):
  corrupted.dataset.on_error = 'raise'
  with pytest.raises(UserError, match=f'{TRAINED}/'):
    loop.train(corrupted, tmp_path / 'run')
  corrupted.dataset.on_error = 'ignore'
  with pytest.raises(UserError, match="'ignore'; choose one of raise"):
    loop.train(corrupted, tmp_path / 'run')


def test_a_corrupted_sequence_is_skipped_and_counted(
  corrupted, tmp_path, capsys
):
  loop.train(corrupted, tmp_path / 'whole')
  printed = capsys.readouterr()
  for name in (TRAINED, TESTED):
    assert printed.err.count(name) == 1
  assert 'unreadable 2' in printed.out
  with open(tmp_path / 'whole' / 'metrics.csv', newline='') as file:
    assert [row['unreadable'] for row in csv.DictReader(file)][-1] == '2'
  saved = result_files.load(tmp_path / 'whole/evaluation/step_000006.json')
  # One of the two views of subject 005 is gone, and one of 006 remains.
  assert saved.result['NM/probes'] == 3
  # What stands in for it is the same wherever training starts.
  for corrupted.total_steps in (2, 6):
    loop.train(corrupted, tmp_path / 'parts')
  assert kills.differences(tmp_path / 'whole', tmp_path / 'parts') == []


def test_a_file_that_does_not_open_is_skipped_as_well(
  config, tree, tmp_path, capsys
):
  root = shutil.copytree(tree, tmp_path / 'tree')
  (path,) = (root / TRAINED).iterdir()
  path.write_bytes(path.read_bytes()[:-9])
  config.dataset.root = str(root)
  config.evaluation.protocol = ''
  config.total_steps = 1
  with pytest.raises(UserError, match=TRAINED):
    loop.train(config, tmp_path / 'run')
  config.dataset.on_error = 'skip'
  loop.train(config, tmp_path / 'run')
  printed = capsys.readouterr()
  assert printed.err.count('left out') == printed.err.count(TRAINED) == 1
  assert 'unreadable 1' in printed.out
