"""Masks of two trees, compared."""

import cv2
import numpy as np
import pytest
import walker_trees

from gaitgs_jax.__main__ import main

CELLS = [
  ('001', 'nm-01', '090'),
  ('002', 'nm-01', '090'),
  ('002', 'bg-01', '090'),
]


def frames(left, right, count=2):
  images = np.zeros((count, 40, 30), np.uint8)
  images[:, 10:30, left:right] = 255
  return images


@pytest.fixture
def pair(tmp_path):
  """Trees of images that overlap by a half, and wholly for 002 with a bag."""
  for subject, condition, view in CELLS:
    wide = 20 if condition == 'bg-01' else 15
    for root, right, name in (
      ('true', 20, '{:03d}.png'),
      ('found', wide, 'm-{}.png'),
    ):
      walker_trees.write_images(
        tmp_path / root / subject / condition / view, frames(10, right), name
      )
  return tmp_path


def run(root, found='found', true='true'):
  return main(['iou', f'--source={root / found}', f'--truth={root / true}'])


def test_a_row_for_each_condition(pair, capsys):
  assert run(pair) == 0
  lines = [line.split() for line in capsys.readouterr().out.splitlines()]
  assert ['bg-01', '2', '100.0'] in lines
  assert ['nm-01', '4', '50.0', '50.0-50.0'] in lines
  assert ['all', '6', '66.7', '50.0-75.0'] in lines
  assert ['lowest:', '001/nm-01/090:', '50.0'] in lines


def test_pickles_and_images_are_one(pair, capsys):
  for cell in CELLS:
    grey = frames(10, 20) // 2
    grey[:, 10:30, 10:15] = 255
    folder = pair.joinpath('pickled', *cell)
    walker_trees.write_pickle(folder / '090.pkl', grey)
  # A pixel of half the brightness is nobody's.
  assert run(pair, 'pickled') == 0
  assert ['all', '6', '50.0', '50.0-50.0'] in [
    line.split() for line in capsys.readouterr().out.splitlines()
  ]
  (folder / '090.frames.txt').write_bytes(b'\xff')
  assert run(pair, 'pickled') == 2
  assert '090.frames.txt: cannot be read' in capsys.readouterr().err


def test_other_trees_are_told(pair, capsys):
  def refusal(found='found', true='true'):
    assert run(pair, found, true) == 2
    return capsys.readouterr().err

  folder = pair.joinpath('found', *CELLS[0])
  image = folder / 'm-2.png'
  cv2.imwrite(str(image), frames(10, 20)[0, :20])
  assert 'frame 2 is 20x30, and 40x30 in' in refusal()
  image.rename(folder / 'm-7.png')
  assert 'with other numbers (frame 2 is in one alone)' in refusal()
  (folder / 'm-7.png').unlink()
  assert 'has 1 frames, and' in refusal()
  (folder / 'm-1.png').unlink()
  folder.rmdir()
  assert 'lacks 1 of the 3 sequences of the other tree (001/nm' in refusal()
  assert 'lacks 1 of the 3' in refusal('true', 'found')
  assert 'no such folder' in refusal('nowhere')
