import errno
import os
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
