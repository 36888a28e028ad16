import dataclasses
import itertools
import shutil

import numpy as np
import pytest
import walker_trees

from gaitgs_jax.__main__ import main
from gaitgs_jax.input import datasets, prepared
from gaitgs_jax.input.partitions import Partition
from gaitgs_jax.input.pretreatment import pretreat
from gaitgs_jax.input.sources import PreparedSource

# TensorFlow Datasets and what it imports warn of their own.
pytestmark = pytest.mark.filterwarnings('default')


@pytest.fixture
def small_datasets(monkeypatch):
  """Makes four subjects, two conditions and two views a whole dataset."""
  silhouettes = pytest.importorskip('data.silhouettes')
  for name, conditions in (
    ('casia_b', walker_trees.CONDITIONS),
    ('oumvlp', ('00', '01')),
  ):
    small = dataclasses.replace(
      datasets.get(name), views=walker_trees.VIEWS, conditions=conditions
    )
    monkeypatch.setitem(datasets.DATASETS, name, small)
  monkeypatch.setattr(
    silhouettes,
    'read_partition',
    lambda path: (
      Partition(('00001', '00003'), ('00002', '00004'))
      if 'oumvlp' in path.name
      else Partition(('001', '002'), ('003', '004'))
    ),
  )
  return silhouettes


def prepare(name, root, *options):
  return main(
    ['prepare', f'--dataset={name}', f'--root={root}', '--workers=2', *options]
  )


def opened(root, name, variant):
  directory = prepared.find(root, name, variant)
  assert directory
  return PreparedSource(directory)


def test_published_tree_becomes_a_prepared_dataset(
  tmp_path, small_datasets, capsys
):
  tree = walker_trees.casia_b(tmp_path / 'raw')
  assert prepare('casia_b', tmp_path, f'--source={tree}') == 0
  output = capsys.readouterr()
  assert 'train 8 sequences of 2 subjects' in output.out
  assert 'casia_b/64' in output.err  # The progress bar.
  source = opened(tmp_path, 'casia_b', '64')
  names = [source.index.name(row) for row in range(len(source.index))]
  assert names == ['/'.join(cell) for cell in walker_trees.cells()]
  for row, cell in enumerate(walker_trees.cells()):
    np.testing.assert_array_equal(
      source.read(row), pretreat(walker_trees.frames(*cell))
    )
  assert not list((tmp_path / 'casia_b' / '64').glob('work*'))

  shutil.rmtree(tree)
  assert prepare('casia_b', tmp_path, f'--source={tree}') == 0
  assert 'already prepared' in capsys.readouterr().out


def test_other_layouts_give_the_same_frames(tmp_path, small_datasets):
  walker_trees.opengait(tmp_path / 'a')
  walker_trees.oumvlp(tmp_path / 'b')
  assert prepare('casia_b', tmp_path, f'--source={tmp_path / "a"}') == 0
  assert prepare('oumvlp', tmp_path, f'--source={tmp_path / "b"}') == 0
  first = opened(tmp_path, 'casia_b', '64')
  second = opened(tmp_path, 'oumvlp', '64')
  assert second.index.name(0) == '00001/00/090'
  rows = {second.index.name(row): row for row in range(len(second.index))}
  for row, (subject, condition, view) in enumerate(walker_trees.cells()):
    number = walker_trees.CONDITIONS.index(condition)
    other = rows[f'{int(subject):05d}/{number:02d}/{view}']
    np.testing.assert_array_equal(first.read(row), second.read(other))


def test_half_copied_and_damaged_trees_are_refused(
  tmp_path, small_datasets, capsys
):
  tree = walker_trees.casia_b(tmp_path / 'raw')

  def refusal():
    assert prepare('casia_b', tmp_path / 'root', f'--source={tree}') == 2
    assert not prepared.find(tmp_path / 'root', 'casia_b', '64')
    return capsys.readouterr().err

  image = next((tree / '003' / 'nm-01' / '090').iterdir())
  data = image.read_bytes()
  image.write_bytes(data[:100])
  assert f'error: {image}: is cut short' in refusal()
  image.write_bytes(data)

  (tree / '002').rename(tmp_path / '002')
  assert '1 of 4 subjects (002)' in refusal()
  (tmp_path / '002').rename(tree / '002')

  assert prepare('casia_b', tmp_path / 'root', f'--source={tree}') == 0


def test_pickles_of_another_size_are_refused(tmp_path, small_datasets, capsys):
  tree = walker_trees.opengait(tmp_path / 'raw')
  options = (f'--source={tree}', '--variant=128')
  assert prepare('casia_b', tmp_path, *options) == 2
  assert 'frames are 64x64, not 128x128' in capsys.readouterr().err


def test_sequence_in_which_nobody_is_seen_is_left_out(
  tmp_path, small_datasets, capsys
):
  tree = walker_trees.casia_b(tmp_path / 'raw')
  blank = [np.zeros((240, 320), np.uint8)] * walker_trees.FRAMES
  walker_trees.write_images(
    tree / '001' / 'nm-01' / '090', blank, '001-nm-01-090-{:03d}.png'
  )
  assert prepare('casia_b', tmp_path, f'--source={tree}') == 0
  assert 'left out: 001/nm-01/090' in capsys.readouterr().out
  source = opened(tmp_path, 'casia_b', '64')
  assert len(source.index) == 15
  assert source.index.name(0) == '001/nm-01/108'


def test_interrupted_preparation_goes_on(
  tmp_path, small_datasets, monkeypatch, capsys
):
  tree = walker_trees.casia_b(tmp_path / 'raw')
  monkeypatch.setattr(small_datasets, '_CHUNK', 2)
  load, count = small_datasets.Chunk.load, itertools.count()

  def interrupted(chunk):
    if next(count) == 3:
      raise KeyboardInterrupt
    return load(chunk)

  monkeypatch.setattr(small_datasets.Chunk, 'load', interrupted)
  assert prepare('casia_b', tmp_path, f'--source={tree}') == 130
  monkeypatch.setattr(small_datasets.Chunk, 'load', load)
  folder = tmp_path / 'casia_b' / '64'
  assert not prepared.find(tmp_path, 'casia_b', '64')
  assert [path.name for path in folder.iterdir()] == ['work-1.0.0']

  # What is done is not done again: it would be missed if it were.
  done = sum(1 for _ in (folder / 'work-1.0.0').glob('*.npz'))
  assert done >= 3
  shutil.rmtree(tree / '001' / 'nm-01' / '090')
  walker_trees.write_images(tree / '001' / 'nm-01' / '090', [])
  stale = folder / 'incomplete.ABCDEF_1.0.0'
  stale.mkdir()
  assert prepare('casia_b', tmp_path, f'--source={tree}') == 0
  assert not stale.exists()
  source = opened(tmp_path, 'casia_b', '64')
  np.testing.assert_array_equal(
    source.read(0), pretreat(walker_trees.frames('001', 'nm-01', '090'))
  )


def test_synthetic_walkers_need_no_source_and_are_checked(tmp_path, capsys):
  command = ('synthetic_walkers', tmp_path, '--variant=tiny')
  assert prepare(*command) == 0
  capsys.readouterr()
  assert main(['check', f'--source={tmp_path}']) == 0
  assert 'all 160 sequences are good' in capsys.readouterr().out
  directory = prepared.find(tmp_path, 'synthetic_walkers', 'tiny')
  splits, layout = prepared.read_index(directory)
  assert layout == ('frames', (64, 64))
  assert {name: len(rows) for name, rows in splits.items()} == {
    'train': 80,
    'test': 80,
  }
  assert sorted(set(splits['test'].subject)) == ['005', '006', '007', '008']

  # A folder of which a file is missing is not taken for a dataset.
  next(directory.glob('*test.array_record*')).unlink()
  assert prepare(*command) == 2
  assert f'delete {directory} first' in capsys.readouterr().err
  assert main(['check', f'--source={tmp_path}']) == 2


@pytest.mark.parametrize(
  ('options', 'message'),
  [
    (['--dataset=casia'], 'choose one of casia_b, oumvlp'),
    (['--dataset=casia_b', '--variant=96'], 'choose one of 64, 128'),
    (['--dataset=casia_b'], '--source=DIR'),
    (['--dataset=casia_b', '--source=/nowhere'], 'no such folder'),
  ],
)
def test_wrong_options_are_refused(tmp_path, capsys, options, message):
  assert main(['prepare', f'--root={tmp_path}', *options]) == 2
  assert message in capsys.readouterr().err
