import cv2
import numpy as np
import pytest
import walker_trees

from gaitgs_jax.errors import UserError
from gaitgs_jax.input import (
  datasets,
  layouts,
  opengait,
  tree_files,
  tree_frames,
  trees,
)
from gaitgs_jax.input.pretreatment import pretreat

IMAGE = np.full((240, 320), 255, np.uint8)


def test_published_trees_are_told_apart_and_hold_the_same(tmp_path):
  casia_b = trees.open_tree(walker_trees.casia_b(tmp_path / 'a'))
  oumvlp = trees.open_tree(walker_trees.oumvlp(tmp_path / 'b'))
  opengait = trees.open_tree(walker_trees.opengait(tmp_path / 'c'))
  assert casia_b.layout == opengait.layout == layouts.OPENGAIT
  assert oumvlp.layout == layouts.OUMVLP
  kinds = [t.kind for t in (casia_b, oumvlp, opengait)]
  assert kinds == ['images', 'images', 'pickles']

  names = ['/'.join(cell) for cell in walker_trees.cells()]
  assert [each.name for each in casia_b.sequences] == names
  assert [each.name for each in opengait.sequences] == names
  assert [each.name for each in oumvlp.sequences][:3] == [
    '00001/00/090',
    '00001/00/108',
    '00001/01/090',
  ]
  for row, cell in enumerate(walker_trees.cells()):
    expected = pretreat(walker_trees.frames(*cell))
    for tree in (casia_b, oumvlp, opengait):
      read = tree_frames.read_pretreated(tree.sequences[row].folder, 64)
      np.testing.assert_array_equal(read, expected)


def test_silhouettes_and_skeletons_are_not_mixed_up(tmp_path):
  images = trees.open_tree(walker_trees.casia_b(tmp_path / 'a'))
  json = trees.open_tree(walker_trees.oumvlp_pose(tmp_path / 'b'))
  pickled = trees.open_tree(walker_trees.opengait(tmp_path / 'c'))
  silhouettes, poses = datasets.get('oumvlp'), datasets.get('oumvlp_pose')
  assert trees.modality(images) == trees.modality(pickled) == 'silhouettes'
  assert trees.modality(json) == 'keypoints'
  for tree, right, wrong in (
    (images, silhouettes, poses),
    (json, poses, silhouettes),
  ):
    trees.check_modality(tree, right)
    with pytest.raises(UserError, match=f'but {wrong.name} is a dataset of'):
      trees.check_modality(tree, wrong)
  for facts in (silhouettes, poses):
    trees.check_modality(pickled, facts)


@pytest.mark.parametrize(
  ('folders', 'names'),
  [
    (('nm-01/ann', 'bg-02/ann'), ['ann/bg-02/000', 'ann/nm-01/000']),
    (('ann/nm-01', 'ann/cl01'), ['ann/cl01/000', 'ann/nm-01/000']),
    # CASIA-C.
    (
      ('001/fn00', '001/fq01', '002/fb00'),
      ['001/fn00/000', '001/fq01/000', '002/fb00/000'],
    ),
  ],
)
def test_two_levels_are_told_apart_where_names_prove_it(
  tmp_path, folders, names
):
  for folder in folders:
    walker_trees.write_images(tmp_path / folder, [IMAGE])
  assert [each.name for each in trees.open_tree(tmp_path).sequences] == names


@pytest.mark.parametrize(
  'folders',
  [
    ('ann/walk1', 'ann/walk2', 'bob/walk1'),
    ('monday/ann', 'monday/bob'),
    ('001/002', '002/001'),
    # Only some look like walks.
    ('ann/nm-01', 'ann/stairs'),
    ('nm-01/bg-01',),
  ],
)
def test_two_levels_are_never_guessed(tmp_path, folders):
  for folder in folders:
    walker_trees.write_images(tmp_path / folder, [IMAGE])
  with pytest.raises(UserError, match='can be read in two ways') as error:
    trees.open_tree(tmp_path)
  outer, inner = folders[0].split('/')
  for words in (
    f"--layout='{layouts.PEOPLE}' if the outer ones ({outer}",
    f"--layout='{layouts.WALKS}' if the outer",
    f'inner ones ({min(each.split("/")[1] for each in folders)}',
  ):
    assert words in str(error.value)
  people = trees.open_tree(tmp_path, layouts.PEOPLE).sequences
  walks = trees.open_tree(tmp_path, layouts.WALKS).sequences
  assert f'{outer}/{inner}/000' in [each.name for each in people]
  assert f'{inner}/{outer}/000' in [each.name for each in walks]


def test_three_levels_whose_outer_ones_are_walks_are_asked_about(tmp_path):
  walker_trees.write_images(tmp_path / 'nm-01' / 'ann' / '090', [IMAGE])
  with pytest.raises(UserError, match='nm-01, look like walks rather than'):
    trees.open_tree(tmp_path)
  tree = trees.open_tree(tmp_path, '{condition}/{subject}/{view}')
  assert [each.name for each in tree.sequences] == ['ann/nm-01/090']


@pytest.mark.parametrize(
  ('layout', 'message'),
  [
    ('{condition}/{view}', 'name {subject} once'),
    ('{subject}/{subject}', 'at most once'),
    ('{subject}/{camera}', 'name {subject} once'),
    ('walk_{condition}/{subject}', 'no folder is like'),
  ],
)
def test_wrong_layout_is_refused(tmp_path, layout, message):
  walker_trees.write_images(tmp_path / 'monday' / 'ann', [IMAGE])
  with pytest.raises(UserError, match=message):
    trees.open_tree(tmp_path, layout)


def test_what_is_no_tree_is_refused(tmp_path):
  with pytest.raises(UserError, match='no such folder'):
    trees.open_tree(tmp_path / 'nowhere')
  with pytest.raises(UserError, match='no image, pickle or json'):
    trees.open_tree(tmp_path)
  (tmp_path / '001.tar.gz').touch()
  with pytest.raises(UserError, match=r'unpack 001\.tar\.gz'):
    trees.open_tree(tmp_path)
  walker_trees.write_images(tmp_path / 'ann', [IMAGE])
  with pytest.raises(UserError, match='1 folders deep'):
    trees.open_tree(tmp_path)
  assert len(trees.open_tree(tmp_path, '{subject}').sequences) == 1


def test_folder_above_the_tree_is_refused_by_name(tmp_path):
  walker_trees.write_images(
    tmp_path / 'silh' / '001' / 'nm-01' / '000', [IMAGE]
  )
  with pytest.raises(UserError, match=r'is it \S*silh that you mean'):
    trees.open_tree(tmp_path)


def test_half_copied_folders_are_told(tmp_path):
  walker_trees.write_images(tmp_path / '001' / 'nm-01' / '000', [IMAGE])
  (tmp_path / '001' / 'nm-02' / '000').mkdir(parents=True)
  (tmp_path / '002' / 'nm-01').mkdir(parents=True)
  tree = trees.open_tree(tmp_path)
  assert [s.name for s in tree.sequences] == ['001/nm-01/000', '001/nm-02/000']
  assert tree.hollow == (str(tmp_path / '002' / 'nm-01'),)
  with pytest.raises(UserError, match='holds no frames'):
    tree_frames.read_frames(tree.sequences[1].folder)


def test_stray_and_hidden_files_are_passed_over(tmp_path):
  walker_trees.write_images(tmp_path / '001' / 'nm-01' / '000', [IMAGE, IMAGE])
  for name in ('__MACOSX', '@eaDir', '.DS_Store', '#recycle'):
    walker_trees.write_images(tmp_path / name / '001' / '000', [IMAGE])
  walker_trees.write_images(tmp_path, [IMAGE], 'preview.png')
  folder = tmp_path / '001' / 'nm-01' / '000'
  (folder / 'notes.txt').touch()
  (folder / 'Thumbs.db').touch()
  walker_trees.write_images(folder / '@eaDir', [IMAGE])
  (folder / '000.json').touch()
  (folder / '._001.png').touch()
  cv2.imwrite(str(folder / '001-gei.png'), IMAGE)
  tree = trees.open_tree(tmp_path)
  assert [s.name for s in tree.sequences] == ['001/nm-01/000']
  files = tree_files.sequence_files(tree.sequences[0].folder)
  assert [path.name for path in files] == ['001.png', '002.png']


@pytest.mark.parametrize(
  'form',
  [
    '{}.png',
    # Beyond their width.
    '001-nm-01-090-{:02d}.png',
    '2024-walk-{}-v2.PNG',
    # Longer than Python reads.
    '7' * 200 + '{}.png',
  ],
)
def test_frames_come_in_the_order_of_their_numbers(tmp_path, form):
  numbers = [0, 1, 2, 9, 10, 99, 100, 101]
  for number in numbers:
    (tmp_path / form.format(number)).touch()
  files = tree_files.sequence_files(str(tmp_path))
  assert [path.name for path in files] == [form.format(n) for n in numbers]


def test_images_that_are_not_read_are_named(tmp_path):
  folder = tmp_path / '001' / 'nm-01' / '000'
  walker_trees.write_images(folder, [IMAGE], '{}.tif')
  with pytest.raises(UserError, match=r'1\.tif is of a kind .*to PNG'):
    trees.open_tree(tmp_path)
  with pytest.raises(UserError, match='holds no frames; convert its images'):
    tree_frames.read_frames(str(folder))


def test_silhouettes_are_taken_of_several_modalities(tmp_path):
  for name in ('0-aligned-sils', '0-ratios', '0-sils'):
    walker_trees.write_pickle(tmp_path / f'{name}.pkl', IMAGE[None])
  files = tree_files.sequence_files(str(tmp_path))
  assert [path.name for path in files] == ['0-aligned-sils.pkl']


def test_pickle_of_another_size_is_refused(tmp_path):
  walker_trees.write_pickle(tmp_path / '000.pkl', np.zeros((5, 64, 44), 'u1'))
  with pytest.raises(UserError, match='64x44, not 64x64'):
    tree_frames.read_pretreated(str(tmp_path), 64)


@pytest.mark.parametrize(
  'read', [trees.open_tree, opengait.sequence_folders, opengait.is_tree]
)
def test_links_in_circles_end_the_walk(tmp_path, read):
  for number in range(300):
    (tmp_path / f'{number:03d}').symlink_to(tmp_path)
  with pytest.raises(UserError, match='more than 100 links'):
    read(tmp_path)


def test_a_link_to_elsewhere_is_followed(tmp_path):
  walker_trees.opengait(tmp_path / 'disk')
  root = tmp_path / 'tree'
  root.mkdir()
  for subject in (tmp_path / 'disk').iterdir():
    (root / subject.name).symlink_to(subject)
  assert len(opengait.sequence_folders(root)) == len(walker_trees.cells())
  assert len(trees.open_tree(root).sequences) == len(walker_trees.cells())
