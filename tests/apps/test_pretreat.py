import contextlib
import signal
import subprocess
import sys

import numpy as np
import pytest
import walker_trees

from gaitgs_jax import locks
from gaitgs_jax.__main__ import main
from gaitgs_jax.apps import pretreat as pretreat_app
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import trees
from gaitgs_jax.input.pretreatment import pretreat
from gaitgs_jax.input.sources import OpenGaitSource


def test_own_silhouettes_become_a_tree_that_is_good(tmp_path, capsys):
  walks = tmp_path / 'walks'
  for walk in ('nm-01', 'bg-01'):
    for subject in ('001', '002'):
      images = walker_trees.frames(subject, walk)
      walker_trees.write_images(walks / walk / subject, images)
  out = tmp_path / 'tree'
  command = ['pretreat', f'--source={walks}', f'--out={out}', '--workers=1']
  assert main(command) == 0
  source = OpenGaitSource(out)
  assert [source.index.name(row) for row in range(4)] == [
    '001/bg-01/000',
    '001/nm-01/000',
    '002/bg-01/000',
    '002/nm-01/000',
  ]
  np.testing.assert_array_equal(
    source.read(3)['silhouettes'], pretreat(walker_trees.frames('002', 'nm-01'))
  )
  assert main(['check', f'--source={out}', '--workers=1']) == 0
  capsys.readouterr()
  assert main(command) == 2
  assert f'{out}: exists; delete it' in capsys.readouterr().err


def test_what_cannot_be_pretreated_is_told(tmp_path, capsys):
  walks, out = tmp_path / 'walks', tmp_path / 'tree'
  frames = walker_trees.frames('001')
  walker_trees.write_images(walks / 'a' / '001', 0 * frames)
  command = ['pretreat', f'--source={walks}', f'--out={out}', '--workers=1']
  assert main(command) == 2
  assert 'can be read in two ways' in capsys.readouterr().err
  command.append('--layout={condition}/{subject}')
  assert main(command) == 2
  assert 'no frame shows anybody' in capsys.readouterr().err

  walker_trees.write_images(walks / 'b' / '001', frames)
  assert main([*command, '--size=63']) == 2
  assert 'even number' in capsys.readouterr().err
  assert main([*command, '--size=128']) == 0
  assert 'left out: 001/a/000' in capsys.readouterr().out
  assert OpenGaitSource(out).modalities == {'silhouettes': (128, 128)}

  other = f'--out={tmp_path / "other"}'
  classes = frames // 255 * 15
  classes[:, :30, :30] = 7
  walker_trees.write_images(walks / 'c' / '001', classes)
  assert main([*command[:2], *command[3:], other]) == 2
  assert 'c/001: its pixels are 0, 7, 15' in capsys.readouterr().err
  walker_trees.write_images(walks / 'c' / '001', frames // 255)
  assert main([*command[:2], *command[3:], f'--out={tmp_path / "ones"}']) == 0
  assert 'note: 001/c/000: read as 1 on 0' in capsys.readouterr().out

  (walks / 'b' / '001' / '003.png').write_bytes(b'')
  assert main([*command[:2], *command[3:], other]) == 2
  assert '003.png: is empty' in capsys.readouterr().err
  assert not (tmp_path / 'other').exists()


def test_the_frames_that_are_left_keep_their_names(tmp_path):
  walks, out = tmp_path / 'walks', tmp_path / 'tree'
  frames = walker_trees.frames('001')
  frames[[0, 3]] = 0  # Nobody is there.
  walker_trees.write_images(walks / '001/nm-01/090', frames)
  files = sorted(walks.rglob('*.png'))
  command = ['pretreat', f'--source={walks}', f'--out={out}', '--workers=1']
  assert main([*command, '--frame-names']) == 0
  source = OpenGaitSource(out)
  wanted = [path.stem for path in files]
  del wanted[3], wanted[0]
  assert source.frame_names(0) == wanted
  assert main([*command[:2], f'--out={tmp_path / "plain"}', '--workers=1']) == 0
  assert OpenGaitSource(tmp_path / 'plain').frame_names(0) is None


def test_pickles_that_cannot_be_taken_are_told(tmp_path, capsys):
  path = tmp_path / 'tree' / '001' / 'nm-01' / '090' / '090.pkl'
  frames = pretreat(walker_trees.frames('001'))
  command = [
    'pretreat', f'--source={tmp_path / "tree"}', f'--out={tmp_path / "out"}',
    '--workers=1',
  ]  # fmt: skip
  for value, message in (
    (frames // 255, '090.pkl: its values run from 0 to 1'),
    (frames[:, :, 10:-10], 'pickled frames are 64x44, not 64x64; start from'),
    (np.zeros((5, 128, 128), np.uint8), 'or take --size=128 (pretreat)'),
    ({'ann': 1}, '090.pkl: refused: '),
  ):
    walker_trees.write_pickle(path, value)
    assert main(command) == 2
    assert message in capsys.readouterr().err


@pytest.fixture
def walks(tmp_path):
  """One walk of one person, and the command that pretreats it."""
  source = tmp_path / 'walks'
  walker_trees.write_images(
    source / '001' / 'nm-01' / '090', walker_trees.frames('001')
  )
  out = tmp_path / 'tree'
  return ['pretreat', f'--source={source}', f'--out={out}', '--workers=1']


def test_two_commands_do_not_write_one_tree(tmp_path, walks, capsys):
  with locks.hold(tmp_path / '.tree.lock'):
    assert main(walks) == 2
  assert 'another process is making it' in capsys.readouterr().err
  assert main(walks) == 0
  assert '1 sequences, 6 frames' in capsys.readouterr().out


def test_what_is_not_of_the_command_stays(tmp_path, walks):
  """Such as a folder of the name that a command of before worked in."""
  mine = tmp_path / 'tree.unfinished'
  mine.mkdir()
  (mine / 'notes.txt').write_text('kept')
  process = subprocess.Popen([sys.executable, '-m', 'gaitgs_jax', *walks])
  with contextlib.ExitStack() as stack:
    stack.callback(process.wait, 100)
    stack.callback(process.kill)
    while not list(tmp_path.glob('.tree.*.tmp')):
      assert process.poll() is None
  assert process.returncode == -signal.SIGKILL
  assert main(walks) == 0
  assert (mine / 'notes.txt').read_text() == 'kept'
  assert sorted(path.name for path in tmp_path.iterdir()) == [
    'tree', 'tree.unfinished', 'walks',
  ]  # fmt: skip


def test_one_file_is_not_written_for_two_sequences(tmp_path, walks):
  """Names that differ in case only are the same on some disks."""
  (sequence,) = trees.open_tree(tmp_path / 'walks').sequences
  with pytest.raises(UserError, match='No such file'):
    pretreat_app._write_sequence(sequence, str(tmp_path / 'tree'), 64)
  (tmp_path / 'tree').mkdir()
  pretreat_app._write_sequence(sequence, str(tmp_path / 'tree'), 64)
  with pytest.raises(UserError, match=r'cannot be written \(File exists'):
    pretreat_app._write_sequence(sequence, str(tmp_path / 'tree'), 64)
