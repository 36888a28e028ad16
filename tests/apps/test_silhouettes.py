import json

import numpy as np
import pytest

from gaitgs_jax.__main__ import main
from gaitgs_jax.input.opening import open_opengait
from gaitgs_jax.synthetic import scene, walk
from gaitgs_jax.video import overlay, poses
from gaitgs_jax.video.frames import open_source
from gaitgs_jax.video.poses import Pose

MOTION = ('--detector=motion', '--segmenter=motion', '--min-height=24')


@pytest.fixture(scope='module')
def video(tmp_path_factory):
  """A small video of two walkers."""
  path = tmp_path_factory.mktemp('video') / 'two walkers.avi'
  pictures = scene.render(1, 2, size=(120, 160)).frames
  with overlay.Writer(path, (120, 160), 25.0) as writer:
    for picture in pictures:
      writer.add(picture)
  return path


def run(source, out, *options):
  return main(['silhouettes', f'--source={source}', f'--out={out}', *options])


def test_a_video_becomes_a_tree_that_is_good(video, tmp_path, capsys):
  out = tmp_path / 'tree'
  assert run(video, out, *MOTION) == 0
  said = capsys.readouterr().out
  assert 'two-walkers-01:' in said and 'from 40 frames' in said
  source = open_opengait(out, {'silhouettes': ''})
  assert source.modalities == {'silhouettes': (64, 64)}
  assert [source.index.name(row) for row in range(2)] == [
    'two-walkers-01/00/000',
    'two-walkers-02/00/000',
  ]
  lines = (out / 'quality.jsonl').read_text().splitlines()
  assert [json.loads(line)['name'] for line in lines] == [
    'two-walkers-01',
    'two-walkers-02',
  ]
  assert len(source.read(0)['silhouettes']) == json.loads(lines[0])['used']
  drawn = open_source(str(out / 'overlay.mp4'))
  assert (drawn.size, drawn.total, drawn.rate) == ((120, 160), 40, 25)
  assert main(['check', f'--source={out}', '--workers=1']) == 0
  capsys.readouterr()
  assert run(video, out, *MOTION) == 2
  assert 'exists; delete it' in capsys.readouterr().err


def test_a_video_that_is_cut_short_is_noted(video, tmp_path, capsys):
  cut = tmp_path / 'cut.avi'
  data = video.read_bytes()
  cut.write_bytes(data[: len(data) * 2 // 3])
  assert run(cut, tmp_path / 'tree', *MOTION, '--min-frames=5') == 0
  assert 'of 40 frames, is it cut short?' in capsys.readouterr().err


def test_part_of_a_video_as_json(video, tmp_path, capsys):
  options = ('--every=2', '--frames=15', '--min-frames=5', '--json')
  assert run(video, tmp_path / 'tree', *MOTION, *options) == 0
  found = json.loads(capsys.readouterr().out)
  assert found[0]['rate'] == 12.5 and found[0]['last'] < 15


class Standing:
  """Finds the whole box of everybody, and joints from top to bottom."""

  def __call__(self, frame, box):
    from gaitgs_jax.video.found import Patch

    left, top, right, bottom = box.astype(int)
    inside = np.ones((bottom - top, right - left), np.float32)
    keypoints = np.ones((17, 3), np.float32)
    keypoints[:, 0] = (left + right) / 2 + np.arange(17) % 2
    keypoints[:, 1] = np.linspace(top, bottom, 17)
    return Pose(Patch(inside, top, left), keypoints, 1.0)


def test_masks_of_another_segmenter_with_joints(tmp_path, capsys, monkeypatch):
  import cv2

  masks, pictures, model = (tmp_path / x for x in ('masks', 'pictures', 'm'))
  model.write_bytes(b'')
  one = walk(0, 3, 'nm-01', '090', frames=20, size=(120, 160))
  for folder in (masks, pictures):
    folder.mkdir()
    for i, mask in enumerate(one.silhouettes):
      cv2.imwrite(str(folder / f'{i:02d}.png'), mask)
  # Alone they give silhouettes.
  assert run(masks, tmp_path / 'a', f'--masks={masks}', '--rate=25') == 0
  tree = open_opengait(tmp_path / 'a', {'silhouettes': ''})
  assert len(tree.read(0)['silhouettes']) == 20
  # With the pictures joints too, of the same frames.
  monkeypatch.setattr(poses, 'load', lambda path: Standing())
  options = (f'--masks={masks}', f'--pose-model={model}')
  assert run(pictures, tmp_path / 'b', *options) == 0
  assert 'pass --rate' in capsys.readouterr().out
  both = open_opengait(tmp_path / 'b', {'silhouettes': '', 'keypoints': ''})
  found = both.read(0)
  assert found['keypoints'].shape == (20, 17, 3)
  np.testing.assert_array_equal(
    found['silhouettes'], tree.read(0)['silhouettes']
  )
  assert main(['check', f'--source={tmp_path / "b"}', '--workers=1']) == 0


def test_what_cannot_be_done_is_said(video, tmp_path, capsys, monkeypatch):
  import cv2

  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))

  def fails(words, source, *options):
    out = tmp_path / 'out'
    assert run(source, out, *options) == 2
    assert words in capsys.readouterr().err
    assert not out.exists() and not list(tmp_path.glob('.out*'))

  fails('run `gaitgs fetch-models`', video)
  fails('pass --detector=motion too', video, '--segmenter=motion')
  fails('even number', video, '--size=63')
  fails('No such file', tmp_path / 'none.mp4')
  text = tmp_path / 'text.mp4'
  text.write_text('no video')
  fails('is not a video that can be read', text)
  empty = tmp_path / 'empty'
  empty.mkdir()
  fails('holds no frames', empty)
  (empty / '1.png').write_bytes(b'no image')
  fails('is not an image, or is damaged', empty)
  fails('no walk has 50 good frames', video, *MOTION, '--min-frames=50')
  cv2.imwrite(str(empty / '1.png'), np.zeros((80, 90, 3), np.uint8))
  fails('nobody is found in 1 frames', empty, *MOTION)
  fails('gives no picture', '123', *MOTION)


def test_a_full_disk_and_ctrl_c_leave_nothing(
  video, tmp_path, capfd, monkeypatch
):
  def broken(writer, frame):
    raise KeyboardInterrupt

  out = tmp_path / 'out'
  # The video has fewer frames than were written.
  monkeypatch.setattr(overlay.Writer, '__exit__', full)
  assert run(video, out, *MOTION) == 2
  assert 'is the disk full?' in capfd.readouterr().err
  monkeypatch.setattr(overlay.Writer, 'add', broken)
  assert run(video, out, *MOTION) == 130
  assert not list(tmp_path.iterdir())


def full(writer, kind, *rest):
  writer._writer.release()
  if kind is None:
    writer._path.write_bytes(writer._path.read_bytes()[:100])
    writer._check()
