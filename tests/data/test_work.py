import errno
import subprocess
import sys

import numpy as np
import pytest

from gaitgs_jax.data.work import Chunk, PoseCall, TreeCall, WalkCall, exclusive
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
  chunk()
  for made, call in zip(chunk.load(), calls, strict=True):
    np.testing.assert_array_equal(made, call())
  assert list(tmp_path.iterdir()) == [chunk.path]

  chunk.path.write_bytes(b'kept')
  chunk()
  assert chunk.path.read_bytes() == b'kept'


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


def test_damaged_chunk_is_deleted_and_told(tmp_path):
  chunk = Chunk(str(tmp_path), (CALL,))
  chunk()
  chunk.path.write_bytes(chunk.path.read_bytes()[:-30])
  with pytest.raises(UserError, match='run the same command again'):
    chunk.load()
  assert not chunk.path.exists()


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
