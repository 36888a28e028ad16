import errno
import fcntl
import os
import subprocess
import sys
import threading

import pytest

from gaitgs_jax import locks


def test_a_second_holder_is_refused_and_reads_the_note(tmp_path):
  path = tmp_path / 'lock'
  with locks.hold(path) as lock:
    lock.write_note('a long note')
    lock.write_note('mine')
    with pytest.raises(locks.HeldError, match=r'^mine$'), locks.hold(path):
      pass
  with locks.hold(path) as lock:
    assert lock.is_exclusive and lock.note() == 'mine'


def test_a_killed_process_holds_nothing(tmp_path):
  code = (
    'import os, pathlib, sys; from gaitgs_jax import locks\n'
    'with locks.hold(pathlib.Path(sys.argv[1])) as lock:\n'
    '  lock.write_note("killed"); os.kill(os.getpid(), 9)'
  )
  path = tmp_path / 'lock'
  done = subprocess.run([sys.executable, '-c', code, str(path)], check=False)
  assert done.returncode == -9
  with locks.hold(path) as lock:
    assert lock.note() == 'killed'


def test_a_lock_file_that_its_holder_removes_is_made_again(tmp_path):
  """Whoever waited must not hold a file that nobody else can see."""
  path, held = tmp_path / 'lock', []
  with locks.hold(path) as lock:

    def wait():
      with locks.hold(path, wait=True) as other:
        held.append(path.exists() and other.is_exclusive)

    waiting = threading.Thread(target=wait)
    waiting.start()
    lock.remove()
    assert not path.exists()
  waiting.join(60)
  assert held == [True]


@pytest.mark.parametrize('code', [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_named(
  tmp_path, monkeypatch, capsys, code
):
  def refuse(*_):
    raise OSError(code, os.strerror(code))

  monkeypatch.setattr(fcntl, 'flock', refuse)
  with locks.hold(tmp_path / 'lock') as lock:
    assert not lock.is_exclusive
  error = capsys.readouterr().err
  assert f'{tmp_path}/lock cannot be locked ({os.strerror(code)})' in error


def test_a_link_is_not_followed_and_other_errors_are_raised(
  tmp_path, monkeypatch
):
  (tmp_path / 'mine').write_text('kept')
  (tmp_path / 'lock').symlink_to('mine')
  with pytest.raises(OSError), locks.hold(tmp_path / 'lock'):
    pass
  with pytest.raises(FileNotFoundError), locks.hold(tmp_path / 'no' / 'lock'):
    pass

  def fail(*_):
    raise OSError(errno.EIO, 'Input/output error')

  monkeypatch.setattr(fcntl, 'flock', fail)
  with pytest.raises(OSError, match='Input/output'), locks.hold(tmp_path / 'x'):
    pass
  assert (tmp_path / 'mine').read_text() == 'kept'
