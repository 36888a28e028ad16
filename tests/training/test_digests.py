import errno
import os

import pytest

from gaitgs_jax import files
from gaitgs_jax.training import digests


@pytest.fixture
def step(tmp_path, monkeypatch):
  """A checkpoint's folder of three files, with its digests."""
  monkeypatch.setattr(files, '_WAITS', (0, 0))
  (tmp_path / 'default' / 'd').mkdir(parents=True)
  for name in ('_METADATA', 'd/0', 'd/1'):
    (tmp_path / 'default' / name).write_text(name)
  digests.write(tmp_path, 'default')
  assert digests.damage(tmp_path, 'default') == ''
  return tmp_path


@pytest.mark.parametrize('kept', [0, 1, 70, 0.4, 0.7, -1])
def test_a_list_that_is_empty_or_cut_is_damage(step, kept):
  """As after a power failure: nothing else of the checkpoint is looked at."""
  path = step / 'SHA256SUMS'
  data = path.read_bytes()
  path.write_bytes(data[: int(kept * len(data)) if kept % 1 else kept])
  assert digests.damage(step, 'default') == 'SHA256SUMS is empty or cut'


def test_a_list_that_is_cut_between_two_lines_is_damage(step):
  path = step / 'SHA256SUMS'
  path.write_text(''.join(path.read_text().splitlines(keepends=True)[:2]))
  assert digests.damage(step, 'default') == (
    'SHA256SUMS is cut: it lacks default/d/1'
  )


@pytest.mark.parametrize(
  ('damage', 'words'),
  [
    (lambda path: path.write_text(''), 'is not what was saved'),
    (lambda path: path.unlink(), 'is missing'),
    (lambda path: (path.unlink(), path.mkdir()), 'is missing'),
    (lambda path: (path.unlink(), os.mkfifo(path)), 'is missing'),
  ],
)
def test_other_content_is_damage(step, damage, words):
  damage(step / 'default' / 'd' / '0')
  assert digests.damage(step, 'default') == f'default/d/0 {words}'


def test_only_files_of_the_checkpoint_are_read(step):
  with (step / 'SHA256SUMS').open('a') as file:
    file.write(f'{"0" * 64}  /dev/zero\n')
  assert digests.damage(step, 'default') == '/dev/zero is missing'


def test_what_network_disks_add_is_no_damage(step):
  (step / 'default' / '.nfs0001').write_text('')
  assert digests.damage(step, 'default') == ''


def test_without_a_list_nothing_is_known(step):
  (step / 'SHA256SUMS').unlink()
  assert digests.damage(step, 'default') is None


def _failing(monkeypatch, name, code, times):
  """Makes the first opens of files of a name fail."""
  failures, open_regular = [], files.open_regular

  def fail(path, *limit):
    if path.name == name and len(failures) < times:
      failures.append(path)
      raise OSError(code, os.strerror(code))
    return open_regular(path, *limit)

  monkeypatch.setattr(files, 'open_regular', fail)


@pytest.mark.parametrize('name', ['SHA256SUMS', '0'])
@pytest.mark.parametrize('code', [errno.EIO, errno.ESTALE, errno.EACCES])
def test_an_error_of_reading_is_no_damage(step, monkeypatch, name, code):
  with monkeypatch.context() as patch:
    _failing(patch, name, code, times=2)
    assert digests.damage(step, 'default') == ''
  _failing(monkeypatch, name, code, times=3)
  with pytest.raises(OSError, match=os.strerror(code)):
    digests.damage(step, 'default')


def test_a_folder_that_cannot_be_read_is_no_damage(step, monkeypatch):
  def fail(path):
    raise PermissionError(errno.EACCES, 'Permission denied')

  monkeypatch.setattr(os, 'scandir', fail)
  with pytest.raises(PermissionError):
    digests.damage(step, 'default')
