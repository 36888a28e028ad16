import errno
import os

import numpy as np
import pytest
from PIL import Image

from gaitgs_jax.apps import drawing
from gaitgs_jax.errors import UserError

EDGES = ((0, 1), (1, 2))


def body():
  frames = np.zeros((3, 64, 44), np.float32)
  frames[:, 10:60, 15:30] = 1
  return frames


def keypoints():
  points = np.ones((9, 3, 3), np.float32)
  points[..., 0] = 10 + np.arange(9)[:, None] + [0, 3, 1]
  points[..., 1] = [20, 40, 80]
  return points


def test_heat_colours_the_silhouette():
  heat = np.zeros((3, 64, 44), np.float32)
  plain = drawing.silhouettes(body(), heat)
  assert plain.shape == (3, 320, 220, 3)
  assert plain.dtype == np.uint8
  heat[1, 20:30, 18:26] = 0.7
  warm = drawing.silhouettes(body(), heat)
  changed = (warm != plain).any(axis=-1)
  assert not changed[0].any()
  rows, columns = np.nonzero(changed[1])
  assert 80 <= rows.min() < rows.max() < 170
  assert 70 <= columns.min() < columns.max() < 150
  # Inferno: redder than blue, where the body is grey.
  assert warm[1, 125, 110, 0] > warm[1, 125, 110, 2] + 50


def test_skeletons_stay_in_the_picture_and_in_its_middle():
  pictures = drawing.skeletons(keypoints(), np.full((9, 3), 0.5), EDGES)
  assert pictures.shape == (9, 320, 192, 3)
  bright = pictures.max(axis=-1) > 100
  assert bright.any(axis=(1, 2)).all()
  edges = [bright[:, :4], bright[:, -4:], bright[..., :4], bright[..., -4:]]
  assert not any(edge.any() for edge in edges)
  columns = [np.nonzero(frame)[1].mean() for frame in bright]
  np.testing.assert_allclose(columns, 96, atol=12)


def test_missing_joints_are_not_drawn():
  points, heat = keypoints(), np.full((9, 3), 0.9)
  points[4, 2] = 0
  pictures = drawing.skeletons(points, heat, EDGES)
  points[4, 2] = [500, 500, 0]
  heat[4, 2] = 0
  np.testing.assert_array_equal(
    drawing.skeletons(points, heat, EDGES), pictures
  )
  points[:] = 0
  assert drawing.skeletons(points, heat, EDGES).max() < 30


def test_files(tmp_path):
  pictures = np.zeros((70, 32, 24, 3), np.uint8)
  pictures[..., 0] = 3 * np.arange(70)[:, None, None]
  # Frames alike would become one, shown for longer.
  pictures[np.arange(70), np.arange(70) % 32, np.arange(70) % 24, 2] = 255
  stem = tmp_path / 'new' / 'a_b.c'
  gif, png = drawing.write(pictures, ['one', 'another'], stem)
  assert (gif.name, png.name) == ('a_b.c.gif', 'a_b.c.png')
  with Image.open(gif) as animation:
    assert animation.n_frames == 60
    assert animation.info['loop'] == 0
    size = animation.size
  with Image.open(png) as strip:
    assert strip.size[0] > 8 * 24
    assert strip.size[1] == size[1]
    shown = np.asarray(strip.convert('RGB')).astype(int)
  # Eight, spread over frames 22 to 47.
  middle = shown[size[1] // 2]
  middle = middle[(middle[:, 0] > 40) & (middle[:, 1] < 10), 0]
  levels = [middle[i * 24 + 12] / 3 for i in range(8)]
  wanted = [22, 26, 29, 33, 36, 40, 43, 47]
  np.testing.assert_allclose(levels, wanted, atol=1.5)


def test_a_single_frame_is_enough(tmp_path):
  gif, _ = drawing.write(np.zeros((1, 32, 24, 3), np.uint8), [], tmp_path / 'x')
  with Image.open(gif) as animation:
    assert animation.n_frames == 1


def test_what_cannot_be_written_is_told(tmp_path):
  (tmp_path / 'file').touch()
  with pytest.raises(UserError, match=r'cannot write .*file/x\.gif'):
    drawing.write(
      np.zeros((1, 32, 24, 3), np.uint8), [], tmp_path / 'file' / 'x'
    )


def test_both_pictures_are_replaced_or_none(tmp_path, monkeypatch):
  stem = tmp_path / 'x'
  before = [path.read_bytes() for path in drawing.write(_walk(0), [], stem)]

  def fail(*_):
    raise OSError(errno.ENOSPC, 'No space left on device')

  monkeypatch.setattr(os, 'replace', fail)
  with pytest.raises(UserError, match='cannot write'):
    drawing.write(_walk(99), [], stem)
  assert sorted(path.name for path in tmp_path.iterdir()) == ['x.gif', 'x.png']
  names = ('x.gif', 'x.png')
  assert before == [(tmp_path / name).read_bytes() for name in names]


def _walk(shade):
  return np.full((1, 32, 24, 3), shade, np.uint8)
