import multiprocessing
import os
import pathlib
import shutil

import pytest

from gaitgs_jax.errors import UserError
from gaitgs_jax.training import checkpoint, holding


def _hold(path, ready, done):
  with holding.hold(pathlib.Path(path)):
    ready.set()
    done.wait(60)


def test_a_second_process_is_refused_by_name(tmp_path):
  context = multiprocessing.get_context('spawn')
  ready, done = context.Event(), context.Event()
  process = context.Process(target=_hold, args=(str(tmp_path), ready, done))
  process.start()
  try:
    assert ready.wait(60)
    with (
      pytest.raises(UserError, match=rf'process {process.pid}\).*--workdir'),
      holding.hold(tmp_path),
    ):
      pass
  finally:
    done.set()
    process.join()
  with holding.hold(tmp_path):
    pass


def test_a_crash_leaves_no_lock(tmp_path):
  for _ in range(2):
    with pytest.raises(ZeroDivisionError), holding.hold(tmp_path):
      raise ZeroDivisionError


def test_a_workdir_that_cannot_be_is_a_sentence(tmp_path):
  (tmp_path / 'file').write_text('')
  with (
    pytest.raises(UserError, match=r'--workdir=.*file/run cannot be written'),
    holding.hold(tmp_path / 'file' / 'run'),
  ):
    pass


def test_a_workdir_that_was_moved_is_named_with_what_is_saved_there(tmp_path):
  run, moved = tmp_path / 'run', tmp_path / 'moved'
  with (
    pytest.raises(UserError, match=rf'to {moved} while .*; step 3 is saved t'),
    holding.hold(run) as held,
  ):
    checkpoint.save_model(run, {'w': [0.0]}, {}, step=3)
    held.check()
    run.rename(moved)
    held.check()
  assert not run.exists()
  with (
    pytest.raises(UserError, match=r'moved to .*nothing was saved there'),
    holding.hold(run),
  ):
    run.rename(tmp_path / 'other')
    (run / 'metrics.csv').write_text('')  # Fails, as the folder is gone.


def test_a_workdir_that_was_deleted_is_not_made_again(tmp_path):
  run = tmp_path / 'run'
  with (
    pytest.raises(UserError, match=r'was moved or deleted while this run was'),
    holding.hold(run) as held,
  ):
    shutil.rmtree(run)
    held.check()
  # Another run may be there by now.
  with pytest.raises(UserError, match='moved or'), holding.hold(run) as held:
    shutil.rmtree(run)
    with holding.hold(run):
      (run / '.lock').write_text(f'{os.getpid() + 1}\n')
      held.check()


def test_a_folder_that_is_numbered_anew_is_the_same(tmp_path, monkeypatch):
  with holding.hold(tmp_path) as held:
    monkeypatch.setattr(os.path, 'samestat', lambda *_: False)
    held.check()


def test_an_error_of_the_run_stays_what_it_is(tmp_path):
  with pytest.raises(ZeroDivisionError), holding.hold(tmp_path):
    raise ZeroDivisionError


def test_a_lock_that_is_a_link_is_not_followed(tmp_path):
  target = tmp_path / 'target'
  target.write_text('of the user')
  (tmp_path / 'run').mkdir()
  (tmp_path / 'run' / '.lock').symlink_to(target)
  with (
    pytest.raises(UserError, match=r'\.lock is a symbolic link: remove it'),
    holding.hold(tmp_path / 'run'),
  ):
    pass
  assert target.read_text() == 'of the user'


def test_what_a_killed_write_left_is_removed(tmp_path):
  folders = [
    tmp_path,
    tmp_path / 'evaluation',
    tmp_path / 'checkpoints/3/metrics',
  ]
  for folder in folders:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ('.x.json.0123abcd.tmp', '.y.json.0123abcd.tmp', '.mine.tmp'):
      (folder / name).write_text('')
    os.utime(folder / '.x.json.0123abcd.tmp', (0, 0))
    os.utime(folder / '.mine.tmp', (0, 0))
  with holding.hold(tmp_path):
    pass
  for folder in folders:
    # One may be written just now, by an evaluation or a report.
    found = {path.name for path in folder.glob('.*.tmp')}
    assert found == {'.y.json.0123abcd.tmp', '.mine.tmp'}
