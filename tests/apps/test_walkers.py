import errno
import os
import subprocess
import sys

import cv2
import pytest

from gaitgs_jax.__main__ import main
from gaitgs_jax.apps import walkers
from gaitgs_jax.apps.options import Parser
from gaitgs_jax.errors import UserError


def _arguments(*words):
  parser = Parser()
  walkers.add_arguments(parser)
  return parser.parse(words)


def test_the_sheet_has_a_row_per_subject_and_condition(tmp_path):
  out = tmp_path / 'sheet.png'
  walkers.run(_arguments(f'--out={out}', '--subjects=2', '--views=000,090'))
  image = cv2.imread(str(out))
  row = walkers.CELL[0] + 2 + 22
  assert image.shape[0] == 2 * len(walkers.CONDITIONS) * row + 22
  assert image.shape[1] > 8 * walkers.CELL[1]
  assert (image > 200).mean() > 0.05


def test_keypoints_add_colour(tmp_path):
  plain = walkers.contact_sheet(0, 1, ['090'], ['nm-01'])
  drawn = walkers.contact_sheet(0, 1, ['090'], ['nm-01'], keypoints=True)
  assert (plain == plain[..., :1]).all()
  assert (drawn != drawn[..., :1]).any()


@pytest.mark.parametrize(
  ('words', 'message'),
  [
    (['--views=000,091'], '091'),
    (['--conditions=nm-09'], 'nm-09'),
    (['--subjects=0'], 'from 1 to 1,000'),
  ],
)
def test_wrong_input_is_a_sentence(tmp_path, words, message):
  with pytest.raises(UserError, match=message):
    walkers.run(_arguments(f'--out={tmp_path / "a.png"}', *words))


def test_a_missing_folder_is_a_sentence_and_status_2(tmp_path, capsys):
  assert main(['walkers', f'--out={tmp_path / "none" / "a.png"}']) == 2
  assert 'no folder' in capsys.readouterr().err


def test_the_sheet_is_written_whole_or_not_at_all(
  tmp_path, monkeypatch, capsys
):
  out = tmp_path / 'sheet.png'
  out.write_text('before')

  def fail(*_):
    raise OSError(errno.ENOSPC, 'No space left on device')

  command = ['walkers', f'--out={out}', '--subjects=1', '--views=000']
  with monkeypatch.context() as patch:
    patch.setattr(os, 'fsync', fail)
    assert main(command) == 2
  assert 'sheet.png: No space left' in capsys.readouterr().err
  assert out.read_text() == 'before' and len(list(tmp_path.iterdir())) == 1
  # What it draws is a PNG, whatever it is called.
  assert main([*command[:1], f'--out={tmp_path / "sheet"}', *command[2:]]) == 0
  assert (tmp_path / 'sheet').read_bytes().startswith(b'\x89PNG')
  assert main([*command[:1], f'--out={tmp_path}', *command[2:]]) == 2
  assert 'Is a directory' in capsys.readouterr().err


def test_walking_needs_numpy_only():
  code = (
    'import sys, gaitgs_jax.synthetic as s; s.walk(0, 0, "cl-01", "090",'
    ' frames=2); loaded = {"jax", "cv2", "tensorflow"} & set(sys.modules);'
    ' sys.exit(str(loaded) if loaded else 0)'
  )
  done = subprocess.run(
    [sys.executable, '-c', code], capture_output=True, text=True, check=False
  )
  assert done.returncode == 0, done.stderr
