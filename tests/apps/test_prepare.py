import dataclasses
import errno
import os
import shutil

import numpy as np
import pytest
import walker_trees

from gaitgs_jax import synthetic
from gaitgs_jax.__main__ import main
from gaitgs_jax.data import chunks
from gaitgs_jax.input import datasets, heatmaps, prepared, prepared_index
from gaitgs_jax.input.partitions import Partition
from gaitgs_jax.input.pretreatment import pretreat
from gaitgs_jax.input.sources import PreparedSource

# TensorFlow Datasets and what it imports warn of their own.
pytestmark = pytest.mark.filterwarnings('default')


@pytest.fixture
def small_datasets(monkeypatch):
  """Makes four subjects, two conditions and two views a whole dataset."""
  builders = pytest.importorskip('gaitgs_jax.data.builders')
  for name, conditions in (
    ('casia_b', walker_trees.CONDITIONS),
    ('casia_b_pose', walker_trees.CONDITIONS),
    ('casia_b_heatmaps', walker_trees.CONDITIONS),
    ('oumvlp', ('00', '01')),
    ('oumvlp_pose', ('00', '01')),
  ):
    small = dataclasses.replace(
      datasets.get(name), views=walker_trees.VIEWS, conditions=conditions
    )
    monkeypatch.setitem(datasets.DATASETS, name, small)
  monkeypatch.setattr(
    builders,
    'read_partition',
    lambda path: (
      Partition(('00001', '00003'), ('00002', '00004'))
      if 'oumvlp' in path.name
      else Partition(('001', '002'), ('003', '004'))
    ),
  )
  return builders


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
      source.read(row)['silhouettes'], pretreat(walker_trees.frames(*cell))
    )
  assert not list((tmp_path / 'casia_b' / '64').glob('work*'))

  shutil.rmtree(tree)
  assert prepare('casia_b', tmp_path, f'--source={tree}') == 0
  assert 'already prepared' in capsys.readouterr().out


def test_a_licensed_dataset_without_a_source_says_where_to_get_it(
  tmp_path, capsys
):
  assert prepare('casia_b', tmp_path) == 2
  error = capsys.readouterr().err
  assert 'pass --source=PATH: the folder of CASIA-B' in error
  assert 'http://www.cbsr.ia.ac.cn' in error


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
    np.testing.assert_array_equal(
      first.read(row)['silhouettes'], second.read(other)['silhouettes']
    )


def test_a_layout_may_be_given(tmp_path, small_datasets, capsys):
  walker_trees.casia_b(tmp_path / 'raw')
  for walk in (tmp_path / 'raw').glob('*/*/*'):
    subject, condition, view = walk.parts[-3:]
    target = tmp_path / 'own' / f'{condition}_{view}' / subject
    target.parent.mkdir(parents=True, exist_ok=True)
    walk.rename(target)
  options = [f'--source={tmp_path / "own"}']
  assert prepare('casia_b', tmp_path, *options) == 2
  assert 'pass --layout=' in capsys.readouterr().err
  options.append('--layout={condition}_{view}/{subject}')
  assert prepare('casia_b', tmp_path, *options) == 0
  source = opened(tmp_path, 'casia_b', '64')
  np.testing.assert_array_equal(
    source.read(0)['silhouettes'],
    pretreat(walker_trees.frames(*walker_trees.cells()[0])),
  )


def poses_of(source):
  return {
    source.index.name(row): source.read(row)['keypoints']
    for row in range(len(source.index))
  }


def test_published_skeletons_become_a_prepared_dataset(
  tmp_path, small_datasets, capsys
):
  csv = walker_trees.casia_b_csv(tmp_path / 'casia-b_pose_coco.csv')
  pickled = walker_trees.opengait_pose(tmp_path / 'pickles')
  for root, tree in (('a', csv), ('b', csv.parent), ('c', pickled)):
    root = tmp_path / root
    assert prepare('casia_b_pose', root, f'--source={tree}') == 0
    output = capsys.readouterr().out
    assert 'train 8 sequences of 2 subjects' in output
    assert 'frames of 17x3 skeletons' in output
    source = opened(root, 'casia_b_pose', 'hrnet')
    assert source.modalities == {'keypoints': (17, 3)}
    poses = poses_of(source)
    assert list(poses) == ['/'.join(cell) for cell in walker_trees.cells()]
    for cell in walker_trees.cells():
      np.testing.assert_array_equal(
        poses['/'.join(cell)], walker_trees.skeleton(*cell)
      )
    assert main(['check', f'--source={root}']) == 0
    assert 'all 16 sequences are good' in capsys.readouterr().out


def test_heat_maps_are_drawn_of_skeletons(tmp_path, small_datasets, capsys):
  csv = walker_trees.casia_b_csv(tmp_path / 'casia-b_pose_coco.csv')
  assert prepare('casia_b_heatmaps', tmp_path, f'--source={csv}') == 0
  output = capsys.readouterr().out
  assert 'train 8 sequences of 2 subjects' in output
  assert 'frames of 64x64x2 heatmaps' in output
  source = opened(tmp_path, 'casia_b_heatmaps', 'hrnet')
  assert source.modalities == {'heatmaps': (64, 64, 2)}
  for row, cell in enumerate(walker_trees.cells()):
    np.testing.assert_array_equal(
      source.read(row)['heatmaps'],
      heatmaps.of_keypoints(walker_trees.skeleton(*cell), 'coco17'),
    )
  tree = walker_trees.casia_b(tmp_path / 'raw')
  root = tmp_path / 'other'
  assert prepare('casia_b_heatmaps', root, f'--source={tree}') == 2
  assert 'skeletons' in capsys.readouterr().err


def test_a_bad_row_of_skeletons_does_not_end_a_preparation(
  tmp_path, small_datasets, capfd
):
  rows = walker_trees.csv_rows()
  rows[2] = rows[2][:9]
  csv = walker_trees.casia_b_csv(tmp_path / 'poses.csv', rows)
  assert prepare('casia_b_pose', tmp_path, f'--source={csv}') == 0
  # A helper process says so.
  note = f'note: {csv}: 001/nm-01/090: 1 of 6 rows are left out'
  assert note in capfd.readouterr().err
  poses = poses_of(opened(tmp_path, 'casia_b_pose', 'hrnet'))
  expected = walker_trees.skeleton('001', 'nm-01', '090')
  np.testing.assert_array_equal(
    poses['001/nm-01/090'], np.delete(expected, 2, 0)
  )


def test_tfds_itself_finds_the_skeletons(tmp_path, small_datasets):
  from gaitgs_jax.data.casia_b_pose import (
    casia_b_pose_dataset_builder as module,
  )

  manual = tmp_path / 'manual'
  walker_trees.casia_b_csv(manual / 'casia-b_pose_coco.csv')
  builder = module.Builder(config='hrnet', data_dir=tmp_path)
  builder.download_and_prepare(
    download_config=small_datasets.tfds.download.DownloadConfig(
      manual_dir=manual
    )
  )
  source = opened(tmp_path, 'casia_b_pose', 'hrnet')
  first = next(iter(builder.as_data_source('train')))
  np.testing.assert_array_equal(first['keypoints'], source.read(0)['keypoints'])


def test_each_variant_of_oumvlp_pose_is_found(tmp_path, small_datasets, capsys):
  release = tmp_path / 'release'
  walker_trees.oumvlp_pose(release / 'OpenPose')
  options = (f'--source={release}', '--variant=openpose')
  assert prepare('oumvlp_pose', tmp_path, *options) == 0
  source = opened(tmp_path, 'oumvlp_pose', 'openpose')
  assert source.modalities == {'keypoints': (18, 3)}
  poses = poses_of(source)
  np.testing.assert_array_equal(
    poses['00002/01/108'],
    walker_trees.openpose(walker_trees.skeleton('002', 'nm-02', '108')),
  )
  capsys.readouterr()
  for folder in (release, release / 'OpenPose'):
    assert prepare('oumvlp_pose', tmp_path, f'--source={folder}') == 2
    error = capsys.readouterr().err
    assert 'is of openpose, not of alphapose; say with --variant' in error


def test_skeletons_that_cannot_be_right_are_refused(
  tmp_path, small_datasets, capsys
):
  def refusal(tree, name='casia_b_pose'):
    assert prepare(name, tmp_path / 'root', f'--source={tree}') == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(f'error: {tree}')
    return error

  images = walker_trees.casia_b(tmp_path / 'images')
  assert 'holds silhouettes (images)' in refusal(images)
  json = walker_trees.oumvlp_pose(tmp_path / 'json')
  assert 'holds skeletons (json)' in refusal(json, 'oumvlp')

  tree = walker_trees.opengait_pose(tmp_path / 'tree')
  files = sorted(tree.glob('*/*/*/*.pkl'))
  walks = [walker_trees.skeleton(*cell) for cell in walker_trees.cells()]

  def change(edit, count=None):
    for file, walk in list(zip(files, walks, strict=True))[:count]:
      walker_trees.write_pickle(file, edit(walk))

  change(lambda walk: walk[:, ::-1])
  assert 'wrong order or upside down' in refusal(tree)
  change(lambda walk: walk / np.float32(400))
  error = refusal(tree)
  assert 'not pixels' in error and 'of 16 sequences looked at, 16' in error
  assert f'check --source={tree} --dataset=casia_b_pose` names all' in error
  change(walker_trees.openpose)
  assert '18 joints (those of openpose18), but coco17' in refusal(tree)
  change(lambda walk: walk)
  change(lambda walk: walk * np.float32(np.nan), 1)
  assert '001/nm-01/090: not finite: nose of frame 0' in refusal(tree)
  # A single sequence in which somebody stands on his hands is kept.
  change(lambda walk: walk * np.float32([1, -1, 1]), 1)
  options = (f'--source={tree}',)
  assert prepare('casia_b_pose', tmp_path / 'root', *options) == 0


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
  late = sorted((tree / '001' / 'nm-01' / '090').iterdir())[2:]
  images = {path: path.read_bytes() for path in late}
  for path in late:
    path.unlink()
  monkeypatch.setattr(small_datasets, '_CHUNK', 2)
  load, first, second = chunks.Chunk.load, {}, {}

  def interrupted(chunk, path):
    if len(first) == 3:
      raise KeyboardInterrupt
    first[path.name] = path.stat().st_mtime_ns
    return load(chunk, path)

  monkeypatch.setattr(chunks.Chunk, 'load', interrupted)
  assert prepare('casia_b', tmp_path, f'--source={tree}') == 130
  folder = tmp_path / 'casia_b' / '64'
  assert not prepared.find(tmp_path, 'casia_b', '64')
  assert [path.name for path in folder.iterdir()] == ['work-1.0.0']

  # The walk that was copied half is copied whole.
  for path, data in images.items():
    path.write_bytes(data)
  stale = folder / 'incomplete.ABCDEF_1.0.0'
  stale.mkdir()

  def noted(chunk, path):
    second[path.name] = path.stat().st_mtime_ns
    return load(chunk, path)

  monkeypatch.setattr(chunks.Chunk, 'load', noted)
  assert prepare('casia_b', tmp_path, f'--source={tree}') == 0
  assert not stale.exists()
  source = opened(tmp_path, 'casia_b', '64')
  np.testing.assert_array_equal(
    source.read(0)['silhouettes'],
    pretreat(walker_trees.frames('001', 'nm-01', '090')),
  )
  # What was done and has not changed is not done again.
  assert len(first.items() & second.items()) == 2


def test_images_that_are_replaced_in_between_are_read_again(
  tmp_path, small_datasets, monkeypatch
):
  """Also where their disk notes no times; damaged work is done again."""
  tree = walker_trees.casia_b(tmp_path / 'raw')
  monkeypatch.setattr(small_datasets, '_CHUNK', 4)

  def interrupt(*_):
    raise KeyboardInterrupt

  with monkeypatch.context() as patch:
    patch.setattr(prepared_index, 'write', interrupt)
    assert prepare('casia_b', tmp_path, f'--source={tree}') == 130
  work = tmp_path / 'casia_b' / '64' / 'work-1.0.0'
  one, other, *_ = files = sorted(work.glob('*.chunk'))
  assert len(files) == 4
  one.write_bytes(one.read_bytes()[:-1])
  other.write_bytes(b'')
  walk = tree / '001' / 'nm-01' / '090'
  status = {path: path.stat() for path in walk.iterdir()}
  walker_trees.write_images(
    walk, walker_trees.frames('002'), '001-nm-01-090-{:03d}.png'
  )
  for path, before in status.items():
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
  assert prepare('casia_b', tmp_path, f'--source={tree}') == 0
  source = opened(tmp_path, 'casia_b', '64')
  for row, cell in enumerate(walker_trees.cells()):
    subject = '002' if cell == ('001', 'nm-01', '090') else cell[0]
    np.testing.assert_array_equal(
      source.read(row)['silhouettes'],
      pretreat(walker_trees.frames(subject, *cell[1:])),
    )


@pytest.mark.parametrize(
  ('error', 'message'),
  [
    (None, 'the disk is full; make room'),
    (OSError(errno.ENOSPC, 'No space left'), 'the disk is full; make room'),
    (OSError(errno.EDQUOT, 'Quota exceeded'), 'the disk is full; make room'),
    (PermissionError(errno.EACCES, 'No access'), 'be prepared ([Errno 13] No'),
  ],
)
def test_a_disk_that_takes_nothing_is_named(
  tmp_path, small_datasets, monkeypatch, capsys, error, message
):
  def check(*_, **__):
    if error:
      raise error
    return False  # What TFDS answers, and raises by its own words.

  utils = small_datasets.tfds.core.utils
  monkeypatch.setattr(utils, 'has_sufficient_disk_space', check)
  assert prepare('synthetic_walkers', tmp_path, '--variant=tiny') == 2
  assert message in capsys.readouterr().err


def test_synthetic_walkers_need_no_source_and_are_checked(
  tmp_path, capsys, monkeypatch
):
  command = ('synthetic_walkers', tmp_path, '--variant=tiny')
  with monkeypatch.context() as patch:
    # As if it were killed then.
    patch.setattr(chunks, 'remove', lambda folder: None)
    assert prepare(*command) == 0
  work = tmp_path / 'synthetic_walkers' / 'tiny' / 'work-1.0.0'
  assert list(work.glob('*.chunk'))
  with chunks.exclusive(work):
    assert prepare(*command) == 0
  assert work.exists()
  capsys.readouterr()
  assert prepare(*command) == 0
  assert 'already prepared' in capsys.readouterr().out
  assert not work.exists()
  assert main(['check', f'--source={tmp_path}']) == 0
  assert 'all 160 sequences are good' in capsys.readouterr().out
  directory = prepared.find(tmp_path, 'synthetic_walkers', 'tiny')
  splits, layout = prepared_index.read(directory)
  assert layout == {'silhouettes': (64, 64)}
  assert {name: len(rows) for name, rows in splits.items()} == {
    'train': 80,
    'test': 80,
  }
  assert sorted(set(splits['test'].subject)) == ['005', '006', '007', '008']

  poses = ('synthetic_walkers_pose', tmp_path, '--variant=tiny')
  assert prepare(*poses) == 0
  silhouettes = PreparedSource(directory)
  source = opened(tmp_path, 'synthetic_walkers_pose', 'tiny')
  for name in ('subject', 'condition', 'view'):
    np.testing.assert_array_equal(
      getattr(source.index, name), getattr(silhouettes.index, name)
    )
  walk = synthetic.walk(0, 0, 'nm-02', '108', frames=12)
  np.testing.assert_array_equal(source.read(3)['keypoints'], walk.keypoints)

  assert prepare('synthetic_walkers_both', tmp_path, '--variant=tiny') == 0
  assert '64x64 silhouettes and 17x3 skeletons' in capsys.readouterr().out
  both = opened(tmp_path, 'synthetic_walkers_both', 'tiny')
  chosen = np.array([7, 0])
  read = both.read(3, chosen)
  for name, one in (('silhouettes', silhouettes), ('keypoints', source)):
    np.testing.assert_array_equal(read[name], one.read(3, chosen)[name])

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
    (['--dataset=casia_b'], '--source=PATH'),
    (['--dataset=casia_b', '--source=/nowhere'], 'no such folder'),
  ],
)
def test_wrong_options_are_refused(tmp_path, capsys, options, message):
  assert main(['prepare', f'--root={tmp_path}', *options]) == 2
  assert message in capsys.readouterr().err
