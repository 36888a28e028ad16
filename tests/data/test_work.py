import dataclasses
import errno
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

from gaitgs_jax.data import work
from gaitgs_jax.data.work import (
  Chunk,
  PoseCall,
  TreeCall,
  WalkCall,
  exclusive,
)
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

  path.write_bytes(b'kept')
  assert chunk() == path and path.read_bytes() == b'kept'


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


def _remove(folder):
  (folder / '2.bmp').unlink()


@pytest.mark.parametrize('change', [_copy_more, _replace_in_place, _remove])
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
  np.testing.assert_array_equal(one.load(path)[0], one.calls[0]())


def test_a_csv_that_was_replaced_is_read_again(tmp_path):
  path = tmp_path / 'poses.csv'
  call = PoseCall(TreeSequence('a', 'b', 'c', str(path), ((0, 9),)), 'coco17')
  chunk = Chunk(str(tmp_path), (call,))
  names = {chunk.path}
  for text in ('half', 'whole text'):
    path.write_text(text)
    names.add(chunk.path)
  assert len(names) == 3


def test_newer_code_makes_its_own_files(tmp_path, monkeypatch):
  chunk = Chunk(str(tmp_path), (CALL,))
  before = chunk.path
  monkeypatch.setattr(work, '_code', lambda: 'newer')
  assert chunk.path != before


def test_a_walk_that_is_being_copied_is_refused(tmp_path):
  source = tmp_path / 'walk'
  source.mkdir()

  @dataclasses.dataclass(frozen=True)
  class Copying:
    source: str

    def __call__(self):
      (source / 'next.png').touch(exist_ok=True)
      return np.zeros((1, 64, 64), np.uint8)

  chunk = Chunk(str(tmp_path / 'work'), (Copying(str(source)),))
  with pytest.raises(UserError, match='walk: files there changed while they'):
    chunk()
  assert not (tmp_path / 'work').exists()


def _cut(path):
  path.write_bytes(path.read_bytes()[:-30])


def _flip(path):
  content = bytearray(path.read_bytes())
  content[len(content) // 2] ^= 1
  path.write_bytes(content)


def _shorten(path):
  np.savez(path, np.zeros((1, 64, 64), np.uint8))


def _delete(path):
  path.unlink()


@pytest.mark.parametrize('damage', [_cut, _flip, _shorten, _delete])
def test_a_damaged_chunk_is_made_again(tmp_path, capfd, damage):
  chunk = Chunk(str(tmp_path), (CALL, CALL))
  path = chunk()
  damage(path)
  for values in chunk.load(path):
    np.testing.assert_array_equal(values, CALL())
  assert f'{path}: is damaged (' in capfd.readouterr().err
  assert len(chunk.load(path)) == 2
  assert not capfd.readouterr().err


def test_full_disk_is_told_and_leaves_nothing_behind(tmp_path, monkeypatch):
  def full(*_, **__):
    raise OSError(errno.ENOSPC, 'No space left on device')

  monkeypatch.setattr(np, 'savez_compressed', full)
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
