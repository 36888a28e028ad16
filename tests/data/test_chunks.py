import dataclasses
import errno
import os
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest

from gaitgs_jax import locks
from gaitgs_jax.data import chunks
from gaitgs_jax.data.chunks import Chunk, exclusive, is_whole
from gaitgs_jax.data.work import PoseCall, TreeCall, WalkCall
from gaitgs_jax.errors import UserError
from gaitgs_jax.input.pretreatment import pretreat
from gaitgs_jax.input.trees import TreeSequence
from gaitgs_jax.synthetic import walk

CALL = WalkCall(0, 1, 'bg-01', '072', 6, 64)


def test_walk_is_pretreated():
  raw = walk(0, 1, 'bg-01', '072', frames=6).silhouettes
  np.testing.assert_array_equal(CALL(), pretreat(raw))


def test_chunk_is_made_once_and_read_back(tmp_path):
  calls = (CALL, WalkCall(0, 1, 'bg-01', '090', 8, 64))
  chunk = Chunk(str(tmp_path), calls)
  path = chunk()
  for made, call in zip(chunk.load(path), calls, strict=True):
    np.testing.assert_array_equal(made, call())
  assert list(tmp_path.iterdir()) == [path]
  assert is_whole(path)

  made = path.stat().st_mtime_ns
  assert chunk() == path and path.stat().st_mtime_ns == made


def test_chunks_of_other_calls_have_other_files(tmp_path):
  others = [
    WalkCall(1, 1, 'bg-01', '072', 6, 64),
    WalkCall(0, 1, 'bg-01', '072', 6, 128),
    TreeCall('a', 64),
    TreeCall('a', 128),
    PoseCall(TreeSequence('a', 'b', 'c', 'a', ((0, 9),)), 'coco17'),
    PoseCall(TreeSequence('a', 'b', 'c', 'a', ((0, 8),)), 'coco17'),
  ]
  paths = {Chunk(str(tmp_path), (call,)).path for call in [CALL, *others]}
  assert len(paths) == 1 + len(others)


def test_path_is_the_same_in_every_process(tmp_path):
  code = (
    'from gaitgs_jax.data.chunks import *;'
    'from gaitgs_jax.data.work import *;'
    f"print(Chunk({str(tmp_path)!r}, ({CALL!r}, TreeCall('a', 64))).path)"
  )
  output = subprocess.check_output([sys.executable, '-c', code], text=True)
  chunk = Chunk(str(tmp_path), (CALL, TreeCall('a', 64)))
  assert output.strip() == str(chunk.path)


def _draw(path, left):
  image = np.zeros((80, 60), np.uint8)
  image[10:70, left : left + 20] = 255
  path.write_bytes(cv2.imencode('.bmp', image)[1])


def _copy_more(folder):
  _draw(folder / '3.bmp', 25)


def _replace_in_place(folder):
  """Other pixels in a file of the same size, as old as the one before."""
  path = folder / '2.bmp'
  before = path.stat()
  _draw(path, 30)
  assert path.stat().st_size == before.st_size
  os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _replace_by_a_folder(folder):
  """Moves another folder to the place of the first."""
  other = folder.with_name('other')
  shutil.copytree(folder, other)
  _draw(other / '2.bmp', 30)
  shutil.rmtree(folder)
  other.rename(folder)


def _remove(folder):
  (folder / '2.bmp').unlink()


@pytest.mark.parametrize(
  'change',
  [_copy_more, _replace_in_place, _replace_by_a_folder, _remove],
)
def test_a_walk_that_was_copied_again_is_read_again(tmp_path, change):
  walks = [tmp_path / 'walks' / name for name in 'ab']
  for folder in walks:
    folder.mkdir(parents=True)
    for number in (1, 2):
      _draw(folder / f'{number}.bmp', 10 * number)
  one, other = (
    Chunk(str(tmp_path / 'work'), (TreeCall(str(folder), 64),))
    for folder in walks
  )
  before = one(), other()
  change(walks[0])
  assert other() == before[1]
  path = one()
  assert path != before[0]
  np.testing.assert_array_equal(next(one.load(path)), one.calls[0]())


def test_the_name_is_the_content_whatever_the_clock_says(tmp_path, monkeypatch):
  """Disks that note times coarsely, or not at all, as network folders do."""
  folder = tmp_path / 'walk'
  folder.mkdir()
  stat = os.stat

  def timeless(*arguments, **options):
    return os.stat_result((*stat(*arguments, **options)[:7], 0, 0, 0))

  monkeypatch.setattr(os, 'stat', timeless)
  chunk, names = Chunk(str(tmp_path), (TreeCall(str(folder), 64),)), []
  for left in (10, 30, 10):
    _draw(folder / '1.bmp', left)
    names.append(chunk.path)
  assert names[0] == names[2] != names[1]


def test_rows_of_a_csv_that_were_replaced_are_read_again(tmp_path):
  path = tmp_path / 'poses.csv'
  path.write_text('one\ntwo\n')
  one, two = (
    Chunk(
      str(tmp_path),
      (PoseCall(TreeSequence('a', 'b', 'c', str(path), (span,)), 'coco17'),),
    )
    for span in ((0, 4), (4, 8))
  )
  before = one.path, two.path
  path.write_text('one\nTWO\n')
  assert one.path == before[0] and two.path != before[1]
  path.unlink()
  assert two.path != before[1]


def test_newer_code_makes_its_own_files(tmp_path, monkeypatch):
  chunk = Chunk(str(tmp_path), (CALL,))
  before = chunk.path
  monkeypatch.setattr(chunks, '_code', lambda: 'newer')
  assert chunk.path != before


def test_a_walk_that_is_being_copied_is_refused(tmp_path):
  @dataclasses.dataclass(frozen=True)
  class Copying:
    source: str
    size: list[int]

    def digests(self):
      self.size[0] += 1
      return [('1.png', str(self.size))]

    def __call__(self):
      return np.zeros((1, 64, 64), np.uint8)

  chunk = Chunk(str(tmp_path / 'work'), (Copying('/walk', [0]),))
  with pytest.raises(UserError, match='walk: files there changed while they'):
    chunk()
  assert list((tmp_path / 'work').iterdir()) == []


def _cut(path):
  path.write_bytes(path.read_bytes()[:-30])


def _lengthen(path):
  path.write_bytes(path.read_bytes() + b'x')


def _flip(path):
  content = bytearray(path.read_bytes())
  content[len(content) // 2] ^= 1
  path.write_bytes(content)


def _empty(path):
  path.write_bytes(b'')


def _replace(path):
  with path.open('wb') as file:
    np.savez(file, np.zeros((1, 64, 64), np.uint8))


def _delete(path):
  path.unlink()


@pytest.mark.parametrize(
  'damage', [_cut, _lengthen, _flip, _empty, _replace, _delete]
)
@pytest.mark.parametrize('when', ['before the next start', 'once it is made'])
def test_a_damaged_chunk_is_made_again(tmp_path, capfd, damage, when):
  chunk = Chunk(str(tmp_path), (CALL, CALL))
  path = chunk()
  damage(path)
  if when == 'before the next start':
    assert chunk() == path
  made = list(chunk.load(path))
  assert len(made) == 2
  for values in made:
    np.testing.assert_array_equal(values, CALL())
  is_noted = f'{path}: is damaged; it is made again' in capfd.readouterr().err
  assert is_noted == (damage is not _delete)
  assert len(list(chunk.load(path))) == 2
  assert not capfd.readouterr().err


def test_a_disk_that_damages_what_is_written_is_named(tmp_path, monkeypatch):
  chunk = Chunk(str(tmp_path), (CALL,))
  monkeypatch.setattr(chunks, 'is_whole', lambda path: False)
  with pytest.raises(UserError, match='damaged as soon as it is written'):
    list(chunk.load(tmp_path / 'x.chunk'))


def test_full_disk_is_told_and_leaves_nothing_behind(tmp_path, monkeypatch):
  def full(*_, **__):
    raise OSError(errno.ENOSPC, 'No space left on device')

  monkeypatch.setattr(os, 'fsync', full)
  with pytest.raises(UserError, match='the disk is full'):
    Chunk(str(tmp_path), (CALL,))()
  assert not list(tmp_path.iterdir())


def test_two_preparations_of_one_dataset_are_refused(tmp_path):
  with (
    exclusive(tmp_path / 'work'),
    pytest.raises(UserError, match='another process'),
    exclusive(tmp_path / 'work'),
  ):
    pass
  with exclusive(tmp_path / 'work'):
    pass


def test_a_work_folder_is_removed_but_not_what_somebody_put_there(tmp_path):
  folder = tmp_path / 'work'
  with exclusive(folder):
    path = Chunk(str(folder), (CALL,))()
    (folder / f'.{path.name}.0123abcd.tmp').touch()
    (folder / 'extracted').mkdir()
    (folder / 'notes.txt').write_text('kept')
    chunks.remove(folder)
  assert [each.name for each in folder.iterdir()] == ['notes.txt']
  (folder / 'notes.txt').unlink()
  with exclusive(folder):
    chunks.remove(folder)
  assert not folder.exists()


def test_a_folder_that_is_removed_meanwhile_is_made_again(
  tmp_path, monkeypatch
):
  hold = locks.hold

  def removing(path):
    monkeypatch.setattr(locks, 'hold', hold)
    path.parent.rmdir()
    return hold(path)

  monkeypatch.setattr(locks, 'hold', removing)
  with exclusive(tmp_path / 'work'):
    assert (tmp_path / 'work' / 'lock').exists()
