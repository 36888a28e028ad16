"""From frames to walks, on rendered videos whose truth is known."""

import dataclasses

import numpy as np
import pytest

from gaitgs_jax.errors import UserError
from gaitgs_jax.synthetic import scene, walk
from gaitgs_jax.video import boxes, frames, quality, switches, watching
from gaitgs_jax.video.found import Patch, joined, of_patches
from gaitgs_jax.video.given_masks import GivenMasks
from gaitgs_jax.video.motion import Motion
from gaitgs_jax.video.tracking import Limits
from gaitgs_jax.video.walks import Walks
from gaitgs_jax.video.watching import Watcher

HEIGHT = 24


def compared(truth, seen):
  """Returns intersection over union [p,n] of true masks and those seen."""
  found = np.zeros((len(seen), *truth.shape[1:]), bool)
  for mask, one in zip(found, seen, strict=True):
    height, width = one.mask.shape
    part = mask[one.top : one.top + height, one.left : one.left + width]
    part |= one.mask
  shared = (truth[:, None] & found).sum((2, 3))
  return shared / np.maximum((truth[:, None] | found).sum((2, 3)), 1)


def test_walkers_before_a_moving_background_are_followed():
  video = scene.render(1, 2, size=(120, 160))
  assert (video.masks.sum(1) <= 1).all()
  detector = Motion(HEIGHT, video.frames)
  watcher = Watcher(detector, None, height=HEIGHT, limits=Limits(lost=25))
  overlaps, people, tracks = [], [], []
  for frame, truth in zip(video.frames, video.masks, strict=True):
    seen = watcher.step(frame)
    who = np.flatnonzero(truth.sum((1, 2)) > 100)
    people.append(who)
    overlaps.append(compared(truth[who], seen))
    tracks.append(np.array([one.number for one in seen]))
  counts = switches.count(overlaps, people, tracks, least=0.3)
  assert counts.switches == 0
  assert counts.missed < 0.2 * sum(map(len, people))
  assert counts.overlap > 0.5


def whole(mask):
  rows, columns = boxes.clipped(boxes.of_mask(mask), mask.shape)
  inside = mask[rows, columns].astype(np.float32)
  return of_patches([Patch(inside, rows.start, columns.start)], 1.0)


def walked(view='090', frames=60, size=(240, 320)):
  """Returns the walk of a rendered person whose masks are known."""
  one = walk(0, 3, 'nm-01', view, frames=frames, size=size)
  masks = iter(one.silhouettes > 0)
  watcher = Watcher(lambda frame: whole(next(masks)), None)
  walks = Walks(size[1])
  picture = np.zeros((*size, 3), np.uint8)
  for i in range(frames):
    walks.add(i, watcher.step(picture))
  (found,) = walks.all()
  return found, one


def test_a_walk_has_the_published_silhouettes_and_its_cycles():
  from gaitgs_jax.input.pretreatment import pretreat

  found, one = walked()
  assert found.frames == list(range(60)) and not found.dropped
  clean = [
    watching.largest(mask > 0) * np.uint8(255) for mask in one.silhouettes
  ]
  np.testing.assert_array_equal(np.stack(found.silhouettes), pretreat(clean))
  truth = (one.phase[-1] - one.phase[0]) / (2 * np.pi)
  judged = quality.judge(found, 'x', 25.0)
  assert judged.cycles == pytest.approx(truth, rel=0.15)
  assert judged.coverage == 1 and judged.notes == ()
  assert 'x: 60 of 60 frames used' in judged.line()


def test_somebody_who_stands_has_no_cycles():
  found, _ = walked(frames=30)
  found.silhouettes = [found.silhouettes[0]] * 30
  assert quality.count_cycles(found, 25.0) == 0


def test_what_is_suspicious_is_noted():
  found, _ = walked(frames=30)
  assert 'far from the 25' in quality.judge(found, 'x', 8.0).line()
  assert 'pass --rate' in quality.judge(found, 'x', 0).line()
  # What all walks share is said once.
  slow = quality.judge(found, 'x', 8.0)
  lines = quality.lines([slow, dataclasses.replace(slow, name='y')])
  assert [each.partition(': ')[0] for each in lines] == [
    'x',
    'y',
    'note on all',
  ]
  assert ''.join(lines).count('far from the 25') == 1
  assert quality.lines([slow]) == [slow.line()]
  found.areas = [0.6] * 6 + [0.3] * 24
  found.dropped.update({'crop': 20, 'edge': 3})
  found.last += 40
  line = quality.judge(found, 'x', 25.0).line()
  assert 'two people in one mask in 6 frames' in line
  assert 'wrong crop in 20 frames' in line
  assert 'only 43 % of the frames' in line
  assert "3 cut by the picture's edge" in line
  assert quality.judge(found, 'x', 25.0).plain()['dropped']['edge'] == 3


def block(top, left, height=50, width=20, value=1.0):
  return Patch(np.full((height, width), value, np.float32), top, left)


def faults(*patches, size=(120, 160)):
  watcher = Watcher(lambda frame: of_patches([*patches], 1.0), None)
  return [one.fault for one in watcher.step(np.zeros((*size, 3), np.uint8))]


def test_frames_that_are_not_good():
  assert faults(block(20, 50)) == ['']
  assert faults(block(20, 0)) == ['edge']
  assert faults(block(70, 50)) == ['edge']
  assert faults(block(20, 50, height=30)) == ['small']
  # The one who stands lower is nearer.
  assert faults(block(20, 50), block(30, 55)) == ['overlap', 'overlap']
  assert faults(block(20, 50), block(30, 75)) == ['', '']


def test_of_two_in_one_mask_neither_is_good():
  frames = [[block(20, 20 + i), block(20, 90 - i)] for i in range(15)]
  frames += [[block(20, 35, width=60)]]
  rows = iter(of_patches(each, 1.0) for each in frames)
  watcher = Watcher(lambda frame: next(rows), None, limits=Limits(overlap=0.1))
  picture = np.zeros((120, 160, 3), np.uint8)
  seen = [watcher.step(picture) for _ in frames]
  assert [one.fault for one in seen[14]] == ['', '']
  assert [one.fault for one in seen[15]] == ['overlap']


def test_a_pixel_is_the_surest_ones():
  first, second = block(0, 0, value=0.9), block(10, 15, value=0.7)
  contested = watching.compete([first, second])
  np.testing.assert_allclose(contested, 40 * 5 / 1000)
  assert (first.values > 0.5).sum() == 1000
  assert (second.values > 0.5).sum() == 800


def test_specks_are_left_out_and_limbs_kept():
  mask = np.zeros((40, 40), bool)
  mask[5:25, 10:20] = mask[27:35, 12:15] = True
  clean = mask.copy()
  mask[1:3, 30:33] = True
  np.testing.assert_array_equal(watching.largest(mask), clean)


def test_a_second_detector_adds_whom_the_first_misses():
  first = of_patches([block(20, 50)], 0.9)
  second = of_patches([block(20, 55), block(20, 100)], 0.5)
  both = joined(first, second, 0.3)
  np.testing.assert_array_equal(both.scores, [0.9, 0.5])
  assert both.boxes[1].tolist() == [100, 20, 120, 70]


def write_images(folder, images):
  import cv2

  folder.mkdir()
  for i, image in enumerate(images):
    cv2.imwrite(str(folder / f'{i}.png'), image)


def test_masks_of_another_segmenter(tmp_path):
  labels = np.zeros((80, 90), np.uint8)
  labels[10:70, 10:30], labels[10:70, 30:50] = 1, 2  # They touch.
  two = np.zeros_like(labels)
  two[10:70, 10:30] = two[10:70, 60:80] = 255
  write_images(tmp_path / 'masks', [labels, two, 0 * two])
  detector = GivenMasks(tmp_path / 'masks')
  picture = np.zeros((80, 90, 3), np.uint8)
  first, second, third = (detector(picture) for _ in range(3))
  assert sorted(first.boxes.tolist()) == [[10, 10, 30, 70], [30, 10, 50, 70]]
  assert sorted(second.boxes.tolist()) == [[10, 10, 30, 70], [60, 10, 80, 70]]
  assert third.boxes.shape == (0, 4)
  with pytest.raises(UserError, match='fewer masks than frames'):
    detector(picture)
  with pytest.raises(UserError, match='holds 3 masks, but there are 9 frames'):
    GivenMasks(tmp_path / 'masks', 9)
  with pytest.raises(UserError, match='is 90x80, but frames are 50x40'):
    GivenMasks(tmp_path / 'masks')(picture[:40, :50])
  photograph = np.arange(7200).reshape(80, 90).astype(np.uint8)
  write_images(tmp_path / 'soft', [photograph])
  with pytest.raises(UserError, match='has 255 values'):
    GivenMasks(tmp_path / 'soft')(picture)


def test_frames_of_a_folder_are_in_order_and_of_one_size(tmp_path):
  images = [np.full((40, 50, 3), i, np.uint8) for i in range(12)]
  write_images(tmp_path / 'images', images)
  source = frames.open_source(str(tmp_path / 'images'))
  assert (source.size, source.total, source.rate) == ((40, 50), 12, 0)
  for _ in range(2):
    assert [each[0, 0, 0] for each in source.frames()] == list(range(12))
  write_images(tmp_path / 'sizes', [images[0], images[1][:20]])
  with pytest.raises(UserError, match='is 50x20, but the first image is 50x40'):
    list(frames.open_source(str(tmp_path / 'sizes')).frames())
