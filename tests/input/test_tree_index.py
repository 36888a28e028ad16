import os
import pickle
import shutil

import numpy as np
import pytest

from gaitgs_jax.errors import UserError
from gaitgs_jax.input import pickles, sources, tree_files, tree_index
from gaitgs_jax.input.unreadable import Unreadable

NAMES = [f'{i:03d}/nm-01/{view}' for i in (1, 2) for view in ('000', '090')]


def write(path, length):
  path.parent.mkdir(parents=True, exist_ok=True)
  path.write_bytes(pickle.dumps(np.zeros((length, 64, 44), np.uint8)))


@pytest.fixture
def tree(tmp_path, monkeypatch):
  """A tree whose index is kept, with files that were not written just now."""
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
  monkeypatch.setattr(tree_index, '_LEAST', 1)
  monkeypatch.setattr(tree_index, '_TICK_NS', -(10**12))
  for length, name in enumerate(NAMES, 3):
    write(tmp_path / 'tree' / name / 'a.pkl', length)
  return tmp_path / 'tree'


@pytest.fixture
def opened(tree, monkeypatch):
  """Opens the tree: (lengths, the files whose heads were read)."""
  read, load_shape = [], pickles.load_shape
  monkeypatch.setattr(
    pickles, 'load_shape', lambda path: read.append(path) or load_shape(path)
  )

  def open_tree(**options):
    read.clear()
    lengths = sources.OpenGaitSource(tree, **options).index.length.tolist()
    return lengths, sorted(str(path.relative_to(tree)) for path in read)

  return open_tree


def test_a_tree_is_read_once(opened, tree):
  every = [f'{name}/a.pkl' for name in NAMES]
  assert opened() == ([3, 4, 5, 6], every)
  assert opened() == ([3, 4, 5, 6], [])
  # Another modality may be in other files.
  tree_index.read(tree, tree_files.PickleChoice('keypoints'))
  assert opened() == ([3, 4, 5, 6], [])


def test_what_changed_is_read_again(opened, tree):
  opened()
  write(tree / NAMES[1] / 'a.pkl', 9)
  assert opened() == ([3, 9, 5, 6], [f'{NAMES[1]}/a.pkl'])
  # A file of the same size and time of writing, under the same name.
  old = tree / NAMES[2] / 'a.pkl'
  status = old.stat()
  frames = np.zeros((10, 32, 44), np.uint8)
  old.write_bytes(pickle.dumps(frames))
  assert old.stat().st_size == status.st_size
  os.utime(old, ns=(status.st_atime_ns, status.st_mtime_ns))
  with pytest.raises(UserError, match='frames are 32x44, but 64x44'):
    opened()
  write(old, 5)
  # Another name in a folder may be the one to take.
  write(tree / NAMES[0] / '0-silhouettes.pkl', 7)
  lengths, read = opened()
  assert lengths == [7, 9, 5, 6]
  assert f'{NAMES[0]}/0-silhouettes.pkl' in read
  assert f'{NAMES[3]}/a.pkl' not in read


def test_what_came_or_went_is_noticed(opened, tree):
  opened()
  write(tree / '003/nm-01/000/a.pkl', 8)
  assert opened() == ([3, 4, 5, 6, 8], ['003/nm-01/000/a.pkl'])
  shutil.rmtree(tree / '001')
  assert opened() == ([5, 6, 8], [])
  (tree / NAMES[2] / 'a.pkl').unlink()
  with pytest.raises(UserError, match='holds neither folders nor a pickle'):
    opened()


def test_a_file_without_a_head_is_named_at_every_start(opened, tree, capsys):
  (tree / NAMES[0] / 'a.pkl').write_bytes(b'cut')
  for _ in range(2):
    with pytest.raises(UserError, match=f'{NAMES[0]}/a.pkl: '):
      opened()
  for start in range(2):
    assert opened(unreadable=Unreadable())[0] == [4, 5, 6]
    assert capsys.readouterr().err.count(NAMES[0]) == 1, start


def test_what_was_written_just_now_is_not_relied_on(opened, monkeypatch):
  monkeypatch.setattr(tree_index, '_TICK_NS', 10**12)
  first = opened()
  assert opened() == first and len(first[1]) == len(NAMES)


def test_small_trees_are_not_kept(opened, tmp_path, monkeypatch):
  monkeypatch.setattr(tree_index, '_LEAST', 5)
  opened()
  assert not (tmp_path / 'cache').exists()


@pytest.mark.parametrize('data', [b'', b'PK\x03\x04cut', b'\x80\x04N.'])
def test_a_damaged_index_is_made_again(opened, tmp_path, data):
  opened()
  (kept,) = tmp_path.glob('cache/gaitgs_jax/trees/*')
  kept.write_bytes(data)
  assert len(opened()[1]) == len(NAMES)
  assert opened() == ([3, 4, 5, 6], [])


def test_an_index_that_does_not_fit_together_is_made_again(opened, tmp_path):
  opened()
  (kept,) = tmp_path.glob('cache/gaitgs_jax/trees/*')
  with np.load(kept) as arrays:
    arrays = dict(arrays)
  arrays['shapes'] = arrays['shapes'][1:]
  np.savez(kept, **arrays)
  assert len(opened()[1]) == len(NAMES)


def test_without_a_place_for_the_index_a_tree_is_read(
  opened, tmp_path, monkeypatch, capsys
):
  (tmp_path / 'file').touch()
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'file'))
  assert opened()[0] == [3, 4, 5, 6]
  assert 'the next start reads the tree again' in capsys.readouterr().err
  monkeypatch.delenv('XDG_CACHE_HOME')
  monkeypatch.delenv('HOME')
  monkeypatch.setattr('pwd.getpwuid', lambda _: {}['no such user'])
  assert opened()[0] == [3, 4, 5, 6]
