import errno
import os
import shutil
import stat
import subprocess
import sys
import threading

import pytest

from gaitgs_jax import atomic
from gaitgs_jax.errors import UserError


def _full(*_):
  raise OSError(errno.ENOSPC, 'No space left on device')


def test_folders_are_made_and_nothing_else_is_left(tmp_path):
  path = tmp_path / 'a' / 'b' / 'x.txt'
  atomic.write(path, 'Gänge')
  atomic.write(path, b'bytes')
  assert path.read_bytes() == b'bytes'
  assert os.listdir(path.parent) == ['x.txt']


def test_the_content_is_on_the_disk_before_it_has_its_name(
  tmp_path, monkeypatch
):
  """After a power failure, a renamed file without this may be empty."""
  calls, sync, replace = [], os.fsync, os.replace

  def note_sync(descriptor):
    calls.append(f'sync {os.fstat(descriptor).st_size if not calls else ""}')
    sync(descriptor)

  def note_replace(*paths):
    calls.append('rename')
    replace(*paths)

  monkeypatch.setattr(os, 'fsync', note_sync)
  monkeypatch.setattr(os, 'replace', note_replace)
  atomic.write(tmp_path / 'x.txt', '12345')
  assert calls == ['sync 5', 'rename', 'sync ']


@pytest.mark.parametrize('call', ['fsync', 'replace'])
def test_a_failed_write_keeps_the_earlier_file(tmp_path, monkeypatch, call):
  path = tmp_path / 'x.txt'
  atomic.write(path, 'before')
  monkeypatch.setattr(os, call, _full)
  with pytest.raises(UserError, match=r'cannot write .*x\.txt: No space left'):
    atomic.write(path, 'after')
  assert path.read_text() == 'before'
  assert os.listdir(tmp_path) == ['x.txt']


@pytest.mark.parametrize('error', [ZeroDivisionError, KeyboardInterrupt])
def test_an_interrupted_write_keeps_the_earlier_file(tmp_path, error):
  path = tmp_path / 'x.txt'
  atomic.write(path, 'before')
  with pytest.raises(error), atomic.writing(path) as file:
    file.write(b'half')
    raise error
  assert path.read_text() == 'before'
  assert os.listdir(tmp_path) == ['x.txt']


def test_processes_that_write_at_once_do_not_disturb_each_other(tmp_path):
  """They share no temporary file, whatever their process ids."""
  path = tmp_path / 'x.txt'
  with atomic.writing(path) as one, atomic.writing(path) as other:
    one.write(b'one')
    other.write(b'other')
  assert path.read_bytes() == b'one'
  assert os.listdir(tmp_path) == ['x.txt']


def test_a_link_stays_and_its_target_is_replaced(tmp_path):
  target, link = tmp_path / 'disk' / 'x.txt', tmp_path / 'x.txt'
  atomic.write(target, 'before')
  link.symlink_to(target)
  atomic.write(link, 'after')
  assert link.is_symlink() and target.read_text() == 'after'


def test_a_workdir_that_was_moved_is_not_made_again(tmp_path):
  path = tmp_path / 'checkpoints' / '2' / 'metrics' / 'metrics'
  with pytest.raises(UserError, match='metrics: No such file or directory'):
    atomic.write(path, '', follow=False)
  assert os.listdir(tmp_path) == []


@pytest.mark.parametrize('make', ['link', 'link to nothing', 'pipe'])
def test_what_nobody_asked_for_is_replaced(tmp_path, make):
  target, path = tmp_path / 'target', tmp_path / 'x.txt'
  target.write_text('of the user')
  if make == 'pipe':
    os.mkfifo(path)
  else:
    path.symlink_to(target if make == 'link' else tmp_path / 'nothing')
  atomic.write(path, 'after', follow=False)
  assert stat.S_ISREG(path.lstat().st_mode) and path.read_text() == 'after'
  assert target.read_text() == 'of the user'
  assert sorted(os.listdir(tmp_path)) == ['target', 'x.txt']


@pytest.mark.parametrize('code', [errno.EINVAL, errno.ENOSYS])
def test_a_file_system_without_fsync_is_written_to(tmp_path, monkeypatch, code):
  def fail(_):
    raise OSError(code, os.strerror(code))

  monkeypatch.setattr(os, 'fsync', fail)
  atomic.write(tmp_path / 'x.txt', 'text')
  atomic.sync_tree(tmp_path)
  assert (tmp_path / 'x.txt').read_text() == 'text'


def test_a_rename_across_devices_is_a_message(tmp_path, monkeypatch):
  def fail(*_):
    raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

  monkeypatch.setattr(os, 'replace', fail)
  with pytest.raises(UserError, match=r'write .*x\.txt: Invalid cross-device'):
    atomic.write(tmp_path / 'x.txt', 'text')
  assert os.listdir(tmp_path) == []


def test_a_pipe_is_written_to(tmp_path):
  pipe, found = tmp_path / 'pipe', []
  os.mkfifo(pipe)
  reader = threading.Thread(target=lambda: found.append(pipe.read_bytes()))
  reader.start()
  atomic.write(pipe, 'text')
  reader.join()
  assert found == [b'text']
  assert os.listdir(tmp_path) == ['pipe']


@pytest.mark.parametrize('place', ['folder', 'file/x.txt'])
def test_a_place_that_takes_no_file_is_named(tmp_path, place):
  (tmp_path / 'folder').mkdir()
  (tmp_path / 'file').write_text('')
  with pytest.raises(UserError, match=f'cannot write .*{place}'):
    atomic.write(tmp_path / place, '')


def _fill(folder, text='whole'):
  (folder / 'a').mkdir()
  (folder / 'a' / 'x.txt').write_text(text)


def _listed(folder):
  return sorted(os.listdir(folder))


def test_a_folder_has_its_name_once_it_is_whole_and_on_the_disk(
  tmp_path, monkeypatch
):
  synced, sync, rename = [], os.fsync, os.rename

  def note_sync(descriptor):
    synced.append(os.readlink(f'/proc/self/fd/{descriptor}'))
    sync(descriptor)

  def note_rename(*paths):
    synced.append('rename')
    rename(*paths)

  monkeypatch.setattr(os, 'fsync', note_sync)
  monkeypatch.setattr(os, 'rename', note_rename)
  out = tmp_path / 'new' / 'tree'
  with atomic.folder(out) as unfinished:
    _fill(unfinished)
    assert not out.exists() and unfinished.parent == out.parent
  assert (out / 'a' / 'x.txt').read_text() == 'whole'
  assert _listed(out.parent) == ['tree']
  if sys.platform == 'linux':
    where = str(unfinished)
    expected = [f'{where}/a/x.txt', f'{where}/a', where, 'rename']
    assert synced == [*expected, str(out.parent)]


@pytest.mark.parametrize('error', [ZeroDivisionError, KeyboardInterrupt])
def test_a_folder_that_is_not_finished_is_deleted(tmp_path, error):
  with pytest.raises(error), atomic.folder(tmp_path / 'tree') as unfinished:
    _fill(unfinished)
    raise error
  assert _listed(tmp_path) == []


@pytest.mark.parametrize('kind', ['folder', 'file', 'link'])
def test_nothing_that_exists_is_replaced(tmp_path, kind):
  out = tmp_path / 'tree'
  if kind == 'link':
    out.symlink_to('nothing')
  else:
    out.mkdir() if kind == 'folder' else out.touch()
  with (
    pytest.raises(UserError, match='tree: exists; delete it'),
    atomic.folder(out),
  ):
    pass
  assert _listed(tmp_path) == ['tree']


def test_two_processes_do_not_make_one_folder(tmp_path):
  with atomic.folder(tmp_path / 'tree') as unfinished:
    with (
      pytest.raises(UserError, match='another process is making it'),
      atomic.folder(tmp_path / 'tree'),
    ):
      pass
    with atomic.folder(tmp_path / 'other') as other:
      _fill(other)
    _fill(unfinished)
  assert _listed(tmp_path) == ['other', 'tree']
  assert (tmp_path / 'tree' / 'a' / 'x.txt').exists()


def test_a_result_is_kept_where_its_name_was_taken_meanwhile(tmp_path):
  out = tmp_path / 'tree'
  with (
    pytest.raises(UserError, match=r'lies in .*\.tmp: rename that'),
    atomic.folder(out) as unfinished,
  ):
    _fill(unfinished)
    out.mkdir()
    (out / 'mine').write_text('kept')
  assert (out / 'mine').read_text() == 'kept'
  # Nor does the next process take it for what a killed one left.
  shutil.rmtree(out)
  with atomic.folder(out) as other:
    _fill(other, 'other')
  assert (unfinished / 'a' / 'x.txt').read_text() == 'whole'


def test_what_a_killed_process_left_is_deleted_and_nothing_else(tmp_path):
  code = (
    'import os, pathlib, sys; from gaitgs_jax import atomic\n'
    'with atomic.folder(pathlib.Path(sys.argv[1])) as folder:\n'
    '  (folder / "half").touch(); os.kill(os.getpid(), 9)'
  )
  out = tmp_path / 'tree'
  command = [sys.executable, '-c', code, str(out)]
  assert subprocess.run(command, check=False).returncode == -9
  (left,) = tmp_path.glob('.tree.*.tmp')
  mine = ['.tree.01234567.tmp', 'tree.unfinished', 'tree.tmp']
  for name in mine:
    _fill_new(tmp_path / name)
  with atomic.folder(out) as unfinished:
    _fill(unfinished)
  assert not left.exists()
  assert _listed(tmp_path) == sorted([*mine, 'tree'])


def _fill_new(folder):
  folder.mkdir()
  _fill(folder)


def test_a_note_that_names_no_unfinished_folder_deletes_nothing(tmp_path):
  _fill_new(tmp_path / 'mine')
  for note in ('mine', '../mine', '.tree.0123456z.tmp', 'x' * 5000):
    (tmp_path / '.tree.lock').write_text(note)
    with pytest.raises(ZeroDivisionError), atomic.folder(tmp_path / 'tree'):
      raise ZeroDivisionError
  assert _listed(tmp_path) == ['mine']


def test_a_folder_that_cannot_be_made_is_named(tmp_path, monkeypatch):
  (tmp_path / 'file').touch()
  with (
    pytest.raises(UserError, match=r'cannot write .*file/tree: '),
    atomic.folder(tmp_path / 'file' / 'tree'),
  ):
    pass
  monkeypatch.setattr(os, 'fsync', _full)
  with (
    pytest.raises(UserError, match=r'cannot write .*tree: No space left'),
    atomic.folder(tmp_path / 'tree') as unfinished,
  ):
    _fill(unfinished)
  assert _listed(tmp_path) == ['file']


def test_what_cannot_be_written_is_found_before_the_work(tmp_path):
  (tmp_path / 'folder').mkdir()
  (tmp_path / 'file').write_text('kept')
  for place, reason in (
    ('folder', 'Is a directory'),
    ('file/x.txt', 'Not a directory'),
  ):
    with pytest.raises(UserError, match=f'cannot write .*{place}: {reason}'):
      atomic.check_writable(tmp_path / place)
  for place in ('file', 'new', 'new/folder/x.txt'):
    atomic.check_writable(tmp_path / place)
  os.mkfifo(tmp_path / 'pipe')
  atomic.check_writable(tmp_path / 'pipe')
  assert _listed(tmp_path) == ['file', 'folder', 'pipe']
  assert (tmp_path / 'file').read_text() == 'kept'
