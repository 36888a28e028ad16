import json

import numpy as np
import pytest
import walker_trees

from gaitgs_jax.errors import UserError
from gaitgs_jax.input import datasets, keypoints, layouts, trees


def read(tree):
  return {each.name: keypoints.read(each) for each in tree.sequences}


def test_every_published_layout_gives_the_same_skeletons(tmp_path):
  csv = keypoints.open_tree(
    walker_trees.casia_b_csv(tmp_path / 'a' / keypoints.CSV)
  )
  pickled = keypoints.open_tree(walker_trees.opengait_pose(tmp_path / 'b'))
  json = keypoints.open_tree(walker_trees.oumvlp_pose(tmp_path / 'c'))
  assert [t.kind for t in (csv, pickled, json)] == ['csv', 'pickles', 'json']
  assert json.layout == layouts.OUMVLP_POSE
  assert {trees.modality(t) for t in (csv, pickled, json)} == {'keypoints'}
  first, second, third = read(csv), read(pickled), read(json)
  assert list(first) == ['/'.join(cell) for cell in walker_trees.cells()]
  for subject, condition, view in walker_trees.cells():
    expected = walker_trees.skeleton(subject, condition, view)
    name = f'{subject}/{condition}/{view}'
    np.testing.assert_array_equal(first[name], expected)
    np.testing.assert_array_equal(second[name], expected)
    number = walker_trees.CONDITIONS.index(condition)
    np.testing.assert_array_equal(
      third[f'{int(subject):05d}/{number:02d}/{view}'],
      walker_trees.openpose(expected),
    )
    assert first[name].dtype == second[name].dtype == np.float32


def test_the_folder_of_the_csv_file_will_do(tmp_path):
  path = walker_trees.casia_b_csv(tmp_path / keypoints.CSV)
  assert keypoints.open_tree(tmp_path) == keypoints.open_tree(path)
  walker_trees.casia_b(tmp_path)
  for name, kind in (('casia_b', 'images'), ('casia_b_pose', 'csv')):
    tree = keypoints.open_tree(tmp_path, facts=datasets.get(name))
    assert tree.kind == kind


def test_rows_of_a_csv_may_come_in_any_order(tmp_path):
  rows = walker_trees.csv_rows()
  tree = keypoints.open_tree(walker_trees.casia_b_csv(tmp_path / 'a.csv', rows))
  assert all(len(each.spans) == 1 for each in tree.sequences)
  np.random.default_rng(0).shuffle(rows)
  mixed = keypoints.open_tree(
    walker_trees.casia_b_csv(tmp_path / 'b.csv', rows)
  )
  assert max(len(each.spans) for each in mixed.sequences) > 1
  for left, right in zip(read(tree).items(), read(mixed).items(), strict=True):
    assert left[0] == right[0]
    np.testing.assert_array_equal(left[1], right[1])


def test_a_csv_may_lack_frames_headings_and_the_last_line_end(tmp_path):
  rows = walker_trees.csv_rows()
  del rows[2]
  path = walker_trees.casia_b_csv(tmp_path / 'a.csv', rows)
  lines = path.read_bytes().split(b'\r\n')
  path.write_bytes(b'\n'.join([*lines[1:7], b'', *lines[7:-1]]))
  tree = keypoints.open_tree(path)
  assert len(tree.sequences) == len(walker_trees.cells())
  expected = walker_trees.skeleton(*walker_trees.cells()[0])
  np.testing.assert_array_equal(
    keypoints.read(tree.sequences[0]), np.delete(expected, 2, 0)
  )
  np.testing.assert_array_equal(
    keypoints.read(tree.sequences[-1]),
    walker_trees.skeleton(*walker_trees.cells()[-1]),
  )


@pytest.mark.parametrize(
  ('change', 'message'),
  [
    (lambda text: text.replace('frames/001-nm-01', 'frames/001_nm'), 'row 2'),
    (lambda text: text.replace('frames/001-', '001-', 1), None),
    (lambda text: text.replace('001-nm', 'id-001-nm'), 'more dashes than'),
    (lambda text: text.replace(',', ';'), "divided by ';'"),
    (lambda text: text.replace('.', ',').replace(',', '\t'), r"by '\\t'"),
    (lambda text: 'x' * 100_000, 'row'),
    (lambda text: 'image_name,nose_x\n', 'holds no rows'),
    (lambda text: '', 'holds no rows'),
  ],
)
def test_what_is_no_csv_of_skeletons_is_told(tmp_path, change, message):
  path = walker_trees.casia_b_csv(tmp_path / 'a.csv')
  path.write_text(change(path.read_text()))
  if message is None:
    assert len(keypoints.open_tree(path).sequences) == 16
    return
  with pytest.raises(UserError, match=rf'a\.csv: .*{message}'):
    keypoints.open_tree(path)


def test_a_csv_in_utf16_is_told(tmp_path):
  path = walker_trees.casia_b_csv(tmp_path / 'a.csv')
  path.write_text(path.read_text(), 'utf-16')
  with pytest.raises(UserError, match=r'a\.csv: is UTF-16; save it as UTF-8'):
    keypoints.open_tree(path)


@pytest.mark.parametrize(
  'change',
  [
    lambda row: row[:-1],
    lambda row: row[:20],
    lambda row: [row[0], 'n/a', *row[2:]],
    lambda row: [row[0], '', *row[2:]],
    lambda row: [row[0], 'nan', *row[2:]],
  ],
)
def test_a_bad_row_of_a_csv_is_left_out_and_told(tmp_path, change):
  rows = walker_trees.csv_rows()[:6]
  bad = [*rows[:2], change(rows[2]), *rows[3:]]
  path = walker_trees.casia_b_csv(tmp_path / 'a.csv', bad)
  (sequence,) = keypoints.open_tree(path).sequences
  notes: list[str] = []
  read = keypoints.read(sequence, notes)
  expected = walker_trees.skeleton('001', 'nm-01', '090')
  np.testing.assert_array_equal(read, expected[[0, 1, 3, 4, 5]])
  assert len(notes) == 1 and notes[0].startswith('1 of 6 rows are left out')


def test_a_csv_of_mostly_bad_rows_is_refused(tmp_path):
  rows = [[*row[:5], '', *row[6:]] for row in walker_trees.csv_rows()[:6]]
  rows[5] = walker_trees.csv_rows()[5]
  path = walker_trees.casia_b_csv(tmp_path / 'a.csv', rows)
  (sequence,) = keypoints.open_tree(path).sequences
  with pytest.raises(UserError, match='001/nm-01/090: 5 of its 6 rows are cut'):
    keypoints.read(sequence)
  path.unlink()
  with pytest.raises(UserError, match='cannot be read'):
    keypoints.read(sequence)


def test_of_two_people_in_a_csv_the_first_is_taken(tmp_path):
  rows = walker_trees.csv_rows()[:6]
  other = walker_trees.csv_rows()[-6:]
  people = [
    [row[0], *stranger[1:]] for row, stranger in zip(rows, other, strict=True)
  ]
  crowd = [*rows[:3], people[2], rows[3], people[3], *rows[4:]]
  path = walker_trees.casia_b_csv(tmp_path / 'a.csv', crowd)
  (sequence,) = keypoints.open_tree(path).sequences
  notes: list[str] = []
  np.testing.assert_array_equal(
    keypoints.read(sequence, notes),
    walker_trees.skeleton('001', 'nm-01', '090'),
  )
  assert notes == ['2 of 6 frames show several people; the first is taken']


def test_quotes_and_slashes_of_windows_are_read(tmp_path):
  path = walker_trees.casia_b_csv(tmp_path / 'a.csv')
  expected = read(keypoints.open_tree(path))
  lines = path.read_text().replace('/', '\\').splitlines()
  quoted = ['"' + line.replace(',', '","') + '"' for line in lines]
  path.write_text('\n'.join(quoted))
  found = read(keypoints.open_tree(path))
  assert list(found) == list(expected)
  for name, values in expected.items():
    np.testing.assert_array_equal(found[name], values)


def test_a_byte_order_mark_makes_no_subject(tmp_path):
  path = walker_trees.casia_b_csv(tmp_path / 'a.csv')
  lines = path.read_bytes().split(b'\n', 1)
  for number, content in enumerate((b'\n'.join(lines), lines[1])):
    marked = tmp_path / f'{number}.csv'
    marked.write_bytes(b'\xef\xbb\xbf' + content)
    expected = read(keypoints.open_tree(path))
    found = read(keypoints.open_tree(marked))
    assert list(found) == list(expected)
    for name, values in expected.items():
      np.testing.assert_array_equal(found[name], values)


def test_what_alphapose_writes_of_all_frames_is_read(tmp_path):
  walk = walker_trees.skeleton('001')
  people = [
    {'image_id': f'{i}.jpg', 'keypoints': frame.reshape(-1).tolist()}
    for i, frame in [(10, walk[2]), (9, walk[1]), (9, walk[5]), (2, walk[0])]
  ]
  path = tmp_path / '001' / 'nm-01' / '090' / 'alphapose-results.json'
  path.parent.mkdir(parents=True)
  path.write_text(json.dumps(people))
  (sequence,) = keypoints.open_tree(tmp_path).sequences
  notes: list[str] = []
  np.testing.assert_array_equal(keypoints.read(sequence, notes), walk[:3])
  assert notes == ['1 of 3 frames show several people; the first is taken']


def test_of_several_people_the_first_is_taken_and_empty_frames_are_skipped(
  tmp_path,
):
  frames = walker_trees.openpose(walker_trees.skeleton('001'))
  folder = tmp_path / '00001' / '000_00'
  for i, people in enumerate(
    ([frames[0], frames[5]], [], [frames[1]]), start=9
  ):
    walker_trees.write_json(folder / f'{i}_keypoints.json', people)
  (sequence,) = keypoints.open_tree(tmp_path).sequences
  # Frame 10 comes after frame 9, though not in the order of names.
  np.testing.assert_array_equal(keypoints.read(sequence), frames[:2])
  for file in folder.iterdir():
    walker_trees.write_json(file, [])
  assert len(keypoints.read(sequence)) == 0


@pytest.mark.parametrize(
  ('content', 'message'),
  [
    ('{"people": [', 'is damaged, or neither'),
    ('', 'is damaged'),
    ('[1]', 'is damaged'),
    ('[{"image_id": "1.jpg"}]', 'keypoints'),
    ('{"persons": []}', 'people'),
    ('{"people": [{}]}', 'pose_keypoints_2d'),
    ('{"people": [{"pose_keypoints_2d": "abc"}]}', 'is damaged'),
    ('{"people": [{"pose_keypoints_2d": [1, 2]}]}', 'is damaged'),
    ('[' * 10_000, 'is damaged'),
  ],
)
def test_damaged_json_is_named(tmp_path, content, message):
  path = tmp_path / '00001' / '000_00' / '0001_keypoints.json'
  path.parent.mkdir(parents=True)
  path.write_text(content)
  (sequence,) = keypoints.open_tree(tmp_path).sequences
  with pytest.raises(UserError, match=f'0001_keypoints.json: .*{message}'):
    keypoints.read(sequence)


def test_frames_of_unequal_joints_are_told(tmp_path):
  frame = walker_trees.skeleton('001')[0]
  folder = tmp_path / '00001' / '000_00'
  walker_trees.write_json(folder / '1.json', [frame])
  walker_trees.write_json(folder / '2.json', [frame[:16]])
  (sequence,) = keypoints.open_tree(tmp_path).sequences
  with pytest.raises(UserError, match='different numbers of joints'):
    keypoints.read(sequence)


def test_what_is_no_tree_is_told(tmp_path):
  root = walker_trees.oumvlp_pose(tmp_path / 'pose' / 'openpose').parent
  with pytest.raises(UserError, match=f'is it {root}/openpose that you mean'):
    keypoints.open_tree(root)
  archive = tmp_path / 'pose.zip'
  archive.touch()
  with pytest.raises(UserError, match='unpack'):
    keypoints.open_tree(archive)
  with pytest.raises(UserError, match='no such folder'):
    keypoints.open_tree(tmp_path / 'absent.csv')
  tree = keypoints.open_tree(walker_trees.casia_b(tmp_path / 'images'))
  with pytest.raises(UserError, match='holds no skeletons'):
    keypoints.read(tree.sequences[0])


def test_skeletons_in_text_are_read(tmp_path):
  frames = walker_trees.skeleton('001')
  folder = tmp_path / '0000' / 'camid0_videoid2' / 'seq0'
  folder.mkdir(parents=True)
  for i, frame in enumerate(frames):
    numbers = [1080, 1920, *frame.reshape(-1).tolist()]
    text = ','.join(map(repr, numbers))
    (folder / f'human_crop_f{9 + i}.txt').write_text(text)
  tree = keypoints.open_tree(tmp_path, facts=datasets.get('gait3d_pose'))
  assert tree.kind == 'texts'
  (sequence,) = tree.sequences
  np.testing.assert_array_equal(keypoints.read(sequence), frames)
  (folder / 'human_crop_f9.txt').write_text('1080,1920,5,6')
  with pytest.raises(UserError, match=r'f9\.txt: does not hold height'):
    keypoints.read(sequence)
  (folder / 'human_crop_f9.txt').write_text('1080,1920,5,6,1')
  with pytest.raises(UserError, match='different numbers of joints'):
    keypoints.read(sequence)
