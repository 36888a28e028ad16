import dataclasses
import os

import numpy as np
import walker_trees

from gaitgs_jax.__main__ import main
from gaitgs_jax.input import checking, datasets, trees
from gaitgs_jax.input.partitions import Partition

PERSON = np.zeros((120, 160), np.uint8)
PERSON[20:100, 60:90] = 255
BLANK = np.zeros_like(PERSON)
SPECK = PERSON.copy()
SPECK[2, 5] = 255
CLASSES = PERSON // 255 * 15
CLASSES[50:70, 100:130] = 7
FRAMES = np.zeros((6, 64, 64), np.uint8)
FRAMES[:, :, 20:44] = 255


class RunsCode:
  def __reduce__(self):
    return os.mkdir, ('ran',)


def findings(root):
  return {
    f'{each.subject}/{each.condition}/{each.view}': each
    for each in checking.refuse_other_sizes(
      checking.check_tree(trees.open_tree(root), workers=1)
    )
  }


def test_every_fault_of_raw_images_is_named(tmp_path):
  def write(condition, images):
    walker_trees.write_images(tmp_path / '001' / condition / '000', images)

  write('good', [PERSON] * 5)
  write('dropping', [PERSON] * 5 + [BLANK])
  write('short', [PERSON] * 4 + [BLANK])
  write('blank', [BLANK] * 6)
  write('ones', [PERSON // 255] * 6)
  write('speck', [SPECK] * 2 + [PERSON] * 4)
  write('classes', [CLASSES] * 5)
  write('unequal', [PERSON] * 5 + [PERSON[:100]])
  write('damaged', [PERSON] * 6)
  (tmp_path / '001' / 'damaged' / '000' / '003.png').write_bytes(b'nothing')
  write('cut', [PERSON] * 6)
  path = tmp_path / '001' / 'cut' / '000' / '002.png'
  path.write_bytes(path.read_bytes()[:-20])
  write('empty', [])

  found = findings(tmp_path)
  bad = {name.split('/')[1]: each.bad for name, each in found.items()}
  assert bad == {
    'good': '',
    'dropping': '',
    'short': 'too short: 4 frames, 5 are the least',
    'blank': 'blank: nobody is to be seen in its 6 frames',
    'ones': '',
    'speck': '',
    'classes': 'its pixels are 0, 7, 15, of which several fill areas: classes,'
    ' or several people; write one person as 255 and all else as 0',
    'unequal': 'frames of unequal sizes: 100x160, 120x160',
    'damaged': '003.png: is not a PNG, JPEG or BMP image, whatever its name'
    ' says; convert it to PNG, or copy it again if it is damaged',
    'cut': '002.png: is cut short; copy it again',
    'empty': 'holds no frames; is the tree half-copied?',
  }
  dropping = found['001/dropping/000']
  assert dropping.note.startswith('1 of 6 frames are blank')
  assert dropping.length == 5
  assert found['001/ones/000'].note == 'read as 1 on 0'
  assert 'stretch 2 of 6 frames' in found['001/speck/000'].note


def test_every_fault_of_pickles_is_named(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)

  def write(condition, value):
    path = tmp_path / 'tree' / '001' / condition / '000' / '000.pkl'
    walker_trees.write_pickle(path, value)
    return path

  write('good', FRAMES)
  write('also', FRAMES)
  write('type', FRAMES.astype(np.float32))
  write('shape', FRAMES[0])
  write('other', FRAMES[:, :, 10:-10])
  write('short', FRAMES[:4])
  write('none', FRAMES[:0])
  write('blank', np.concatenate([FRAMES, 0 * FRAMES[:2]]))
  write('ones', FRAMES // 255)
  write('inverted', 255 - FRAMES)
  write('code', RunsCode())
  path = write('cut', FRAMES)
  path.write_bytes(path.read_bytes()[:-9])

  bad = {
    name.split('/')[1]: each.bad
    for name, each in findings(tmp_path / 'tree').items()
  }
  assert bad.pop('good') == bad.pop('also') == ''
  for condition, text in {
    'type': 'float32',
    'shape': '[64, 64], not uint8 [s,h,w]',
    'other': 'unequal size: its frames are 64x44, most others 64x64',
    'short': 'too short: 4 frames',
    'none': 'empty',
    'blank': 'blank: 2 of 8 frames are blank',
    'ones': 'run from 0 to 1, but a person must be 255',
    'inverted': 'black people on white',
    'code': 'mkdir',
    'cut': 'damaged',
  }.items():
    assert text in bad.pop(condition)
  assert not bad
  assert not (tmp_path / 'ran').exists()


def test_every_fault_of_skeletons_is_named(tmp_path):
  walk = walker_trees.skeleton('001').astype(np.float64)

  def write(condition, value):
    path = tmp_path / '001' / condition / '000' / '000.pkl'
    walker_trees.write_pickle(path, value)

  write('good', walk)
  write('hidden', np.concatenate([walk, 0 * walk[:2]]))
  write('order', walk[:, ::-1])
  write('scale', walk / (320, 240, 1))
  write('other', walker_trees.openpose(walk))
  write('pixels', np.zeros((6, 64, 64), np.uint8))

  for facts, other in (
    (datasets.get('casia_b_pose'), '18 joints (those of openpose18)'),
    (None, 'unequal size: its frames are 18x3'),
  ):
    tree = trees.open_tree(tmp_path)
    found = {
      each.condition: each
      for each in checking.refuse_other_sizes(
        checking.check_tree(tree, workers=1, facts=facts)
      )
    }
    assert found['hidden'].note == 'nobody is to be seen in 2 of 8 frames'
    assert found['hidden'].length == 6
    bad = {condition: each.bad for condition, each in found.items()}
    assert bad.pop('good') == bad.pop('hidden') == ''
    for condition, text in {
      'order': 'wrong order or upside down',
      'scale': 'not pixels',
      'other': other,
      'pixels': 'holds uint8 [6, 64, 64], not float [s,v,3]',
    }.items():
      assert text in bad.pop(condition)
    assert not bad


def test_command_checks_every_source_of_skeletons(tmp_path, capsys):
  csv = walker_trees.casia_b_csv(tmp_path / 'a' / 'casia-b_pose_coco.csv')
  pickled = walker_trees.opengait_pose(tmp_path / 'b')
  json = walker_trees.oumvlp_pose(tmp_path / 'c')
  for source, what in (
    (csv, '{subject}-{condition}-{view}/{frame} of csv'),
    (csv.parent, 'of csv'),
    (pickled, '{subject}/{condition}/{view} of pickles'),
    (json, '{subject}/{view}_{condition} of json'),
  ):
    assert main(['check', f'--source={source}', '--workers=1']) == 0
    output = capsys.readouterr().out
    assert what in output and 'all 16 sequences are good' in output

  assert main(['check', f'--source={csv}', '--dataset=casia_b_pose']) == 2
  output = capsys.readouterr()
  assert '120 of 124 subjects' in output.err and '4/124' in output.out

  assert main(['check', f'--source={json}', '--dataset=oumvlp']) == 2
  assert 'oumvlp is a dataset of silhouettes' in capsys.readouterr().err

  rows = walker_trees.csv_rows()
  rows[3] = rows[3][:-2]
  walker_trees.casia_b_csv(csv, rows)
  assert main(['check', f'--source={csv}', '--workers=1']) == 0
  output = capsys.readouterr().out
  assert f'note: {csv}: 001/nm-01/090: 1 of 6 rows are left out' in output
  rows[:4] = [row[:4] for row in rows[:4]]
  walker_trees.casia_b_csv(csv, rows)
  assert main(['check', f'--source={csv}', '--workers=1']) == 2
  output = capsys.readouterr()
  # Most of its rows have one joint.
  assert f'bad: {csv}: 001/nm-01/090: wrong skeleton: 1 joints' in output.out
  assert output.err.endswith('error: 1 of 16 sequences are bad\n')


def test_missing_parts_name_subjects_and_cells_of_which_nothing_is_there():
  facts = dataclasses.replace(
    datasets.get('casia_b'), views=('000', '018'), conditions=('nm-01', 'bg-01')
  )
  partition = Partition(('001', '002'), ('003',))
  names = [
    ('001', 'nm-01', '000'),
    ('001', 'nm-01', '018'),
    ('003', 'bg-01', '000'),
  ]
  assert checking.missing_parts(names, facts, partition) == [
    '1 of 3 subjects (002)',
    '1 of 4 pairs of condition and view (bg-01/018)',
  ]
  names.append(('002', 'bg-01', '018'))
  assert checking.missing_parts(names, facts, partition) == []


def test_table_sets_counts_beside_the_published_ones():
  found = [
    checking.Finding('001', condition, view, '')
    for condition, view in [('00', '000'), ('00', '000'), ('01', '015')]
  ]
  published = {(c, v): 3 for c in ('00', '01') for v in ('000', '015', '030')}
  assert checking.table(found, published).splitlines() == [
    'view   00   01',
    ' 000  2/3  0/3',
    ' 015  0/3  1/3',
    ' 030  0/3  0/3',
  ]
  assert checking.table(found, None).splitlines()[1:] == [
    ' 000   2   0',
    ' 015   0   1',
  ]


def test_command_ends_with_two_where_something_is_bad(tmp_path, capsys):
  root = walker_trees.opengait(tmp_path)
  assert main(['check', f'--source={root}', '--workers=1']) == 0
  assert 'all 16 sequences are good' in capsys.readouterr().out

  assert main(['check', f'--source={root}', '--dataset=casia_b']) == 2
  output = capsys.readouterr()
  assert '120 of 124 subjects (005, 006' in output.err
  assert 'CASIA-B' in output.out and '4/124' in output.out

  path = root / '002' / 'nm-02' / '108' / '108.pkl'
  path.write_bytes(b'')
  (root / '005').mkdir()
  assert main(['check', f'--source={root}', '--workers=1']) == 2
  output = capsys.readouterr()
  assert f'bad: {path.parent}: 108.pkl' in output.out
  assert f'missing: {root / "005"}: holds no sequence' in output.out
  assert output.err.endswith(
    f'error: 1 of 16 sequences are bad; missing: {root / "005"}: holds no'
    ' sequence\n'
  )


def test_long_lists_are_cut_unless_all_is_asked_for(tmp_path, capsys):
  for i in range(53):
    folder = tmp_path / '001' / f'{i:02d}' / '000'
    walker_trees.write_images(folder, [PERSON])
  command = ['check', f'--source={tmp_path}', '--workers=1']
  assert main(command) == 2
  output = capsys.readouterr().out
  assert output.count('too short') == 50
  assert 'bad: 3 more; --all names them' in output
  assert main([*command, '--all']) == 2
  assert capsys.readouterr().out.count('too short') == 53
