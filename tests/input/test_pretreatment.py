import functools

import cv2
import numpy as np
import pytest
import walker_trees

from gaitgs_jax.errors import UserError
from gaitgs_jax.input import tree_frames
from gaitgs_jax.input.pretreatment import is_blank, pretreat, pretreat_frame


def block(top, bottom, left, right, shape=(240, 320)):
  frame = np.zeros(shape, np.uint8)
  frame[top:bottom, left:right] = 255
  return frame


def test_person_of_the_wanted_height_is_only_moved_to_the_middle():
  frame = block(20, 84, 50, 70)
  frame[80, 40] = 255
  # Columns 50..69 hold 64 pixels each and column 40 one: of 1281 pixels the
  # median, the 641st, is the last of column 59, which becomes column 32.
  expected = block(0, 64, 23, 43, (64, 64))
  expected[60, 13] = 255
  np.testing.assert_array_equal(pretreat([frame]), [expected])


def test_centre_is_the_median_of_the_mass_not_the_middle_of_the_box():
  frame = block(0, 64, 100, 104)
  frame[0:2, 60:100] = 255
  # 4 x 64 pixels on the right, 40 x 2 on the left: the 169th of 336 is the
  # 89th of the block, in its second column, 101.
  middle = pretreat_frame(frame, 64)
  assert middle is not None
  np.testing.assert_array_equal(np.flatnonzero(middle[10]), [31, 32, 33, 34])


@pytest.mark.parametrize('left', [0, 5, 150, 295, 300])
def test_person_at_the_border_is_centred_too(left):
  frame = block(100, 164, left, left + 20)
  np.testing.assert_array_equal(
    pretreat([frame]), [block(0, 64, 22, 42, (64, 64))]
  )


def test_wider_person_than_the_result_is_cut():
  frame = block(100, 164, 100, 200)
  np.testing.assert_array_equal(pretreat([frame]), np.full((1, 64, 64), 255))


@pytest.mark.parametrize('size', [64, 128])
def test_scale_is_that_of_the_height(size):
  frame = block(30, 30 + 2 * size, 100, 140, (300, 320))
  half = pretreat([frame], size)[0]
  # 40 columns become 20 about the middle, blurred at the edges by the cubic.
  middle = size // 2
  assert (half[:, middle - 8 : middle + 8] == 255).all()
  assert (half[:, : middle - 12] == 0).all()
  assert (half[:, middle + 12 :] == 0).all()


def test_frames_that_show_nobody_are_dropped_in_their_place():
  shown = block(20, 84, 50, 70)
  # 39 white pixels sum to 9,945; the limit is 10,000, itself blank.
  few = block(20, 59, 50, 51)
  limit = np.zeros((240, 320), np.uint8)
  limit[20:60, 50] = 250
  assert is_blank(few) and is_blank(limit)
  assert not is_blank(block(20, 60, 50, 51))
  treated = pretreat([few, shown, limit, shown])
  assert treated.shape == (2, 64, 64)
  assert pretreat([few]).shape == (0, 64, 64)
  assert pretreat([]).shape == (0, 64, 64)


def test_frame_that_the_published_rule_cannot_centre_is_dropped():
  assert pretreat_frame(block(0, 240, 0, 1), 64) is None
  assert pretreat_frame(block(0, 300, 1, 2, (300, 3)), 64) is None


@pytest.mark.parametrize(
  ('frames', 'size', 'message'),
  [
    ([block(0, 64, 0, 9)], 63, 'size is 63'),
    ([block(0, 64, 0, 9)], 0, 'size is 0'),
    ([block(0, 64, 0, 9).astype(np.float32)], 64, 'float32'),
    ([np.zeros((8, 8, 3), np.uint8)], 64, r'\[8, 8, 3\]'),
  ],
)
def test_wrong_input_is_refused(frames, size, message):
  with pytest.raises(ValueError, match=message):
    pretreat(frames, size)


def published(frame, size):
  """What the published rule does, step by step."""
  if frame.sum() <= 10_000:
    return None
  rows = np.flatnonzero(frame.sum(axis=1))
  person = frame[rows[0] : rows[-1] + 1]
  width = int(size * (person.shape[1] / person.shape[0]))
  if width == 0:
    return None
  scaled = cv2.resize(person, (width, size), interpolation=cv2.INTER_CUBIC)
  centre = np.argmax(scaled.sum(axis=0).cumsum() > scaled.sum() / 2)
  if centre == 0:
    return None
  padded = np.pad(scaled, ((0, 0), (size // 2, size // 2)))
  return padded[:, centre : centre + size]


@pytest.mark.parametrize('size', [64, 128])
def test_odd_frames_are_pretreated_as_published(size):
  random = np.random.default_rng(size)
  shown = 0
  for _ in range(60):
    height, width = random.integers(1, 300, 2)
    frame = np.zeros((height, width), np.uint8)
    top, bottom = np.sort(random.integers(0, height + 1, 2))
    left, right = np.sort(random.integers(0, width + 1, 2))
    person = frame[top:bottom, left:right]
    person[:] = random.choice([0, 255], person.shape, p=[0.2, 0.8])
    frame[random.integers(height), random.integers(width)] = 255
    wanted, found = published(frame, size), pretreat_frame(frame, size)
    assert is_blank(frame) == (frame.sum() <= 10_000)
    assert (wanted is None) == (found is None)
    if wanted is not None:
      np.testing.assert_array_equal(found, wanted)
      shown += 1
  assert shown > 20


def published_otherwise(
  frame, size, *, interpolation, blank, shown=lambda image: image
):
  """What the tools of CCPG and Gait3D-Parsing do, step by step."""
  if shown(frame).sum() <= blank:
    return None
  rows = np.flatnonzero(shown(frame).sum(1))
  frame = frame[rows[0] : rows[-1] + 1]
  width = int(size * (frame.shape[1] / frame.shape[0]))
  frame = cv2.resize(frame, (width, size), interpolation=interpolation)
  columns = shown(frame).astype(int).sum(0).cumsum()
  centre = int(np.flatnonzero(columns > columns[-1] / 2)[0])
  frame = np.pad(frame, ((0, 0), (size // 2, size // 2)))
  return frame[:, centre : centre + size]


def test_silhouettes_of_ccpg_are_scaled_by_area_however_little_they_show():
  frame = walker_trees.frames('001')[0]
  wanted = published_otherwise(frame, 64, interpolation=cv2.INTER_AREA, blank=0)
  (found,) = pretreat(frame[None], way='area')
  np.testing.assert_array_equal(found, wanted)
  speck = np.zeros((20, 20), np.uint8)
  speck[3:9, 4:6] = 255
  assert len(pretreat(speck[None])) == 0
  assert len(pretreat(speck[None], way='area')) == 1
  assert len(pretreat(np.zeros_like(speck)[None], way='area')) == 0


def test_label_maps_are_cut_and_centred_by_the_person():
  labels = (walker_trees.frames('001')[0] > 0).astype(np.uint8)
  labels[:, labels.shape[1] // 2 :] *= 11
  wanted = published_otherwise(
    labels,
    64,
    interpolation=cv2.INTER_NEAREST,
    blank=10_000,
    shown=lambda image: np.where(image > 0, 255, 0),
  )
  (found,) = pretreat(labels[None], way='labels')
  np.testing.assert_array_equal(found, wanted)
  assert {*np.unique(found)} == {0, 1, 11}
  assert len(pretreat(labels[:2, :2][None], way='labels')) == 0


def test_aligned_silhouettes_are_not_aligned_again(tmp_path):
  # Off-centre, with grey edges and a blank frame between.
  frames = np.zeros((3, 64, 64), np.uint8)
  frames[::2, 10:60, 40:50] = 255
  frames[0, 10:60, 39] = 100
  walker_trees.write_images(tmp_path, frames)
  read = functools.partial(tree_frames.read_pretreated, str(tmp_path), 64)
  for way in ('as_is', 'linear'):
    np.testing.assert_array_equal(read(way=way), frames)
  assert not np.array_equal(read()[0], frames[0])
  for way, how in (('linear', cv2.INTER_LINEAR), ('cubic', cv2.INTER_CUBIC)):
    wanted = [
      cv2.resize(frame, (32, 32), interpolation=how) for frame in frames
    ]
    found = tree_frames.read_pretreated(str(tmp_path), 32, way=way)
    np.testing.assert_array_equal(found, wanted)
  with pytest.raises(UserError, match=r'64x64, not 128x128.*the variant 64'):
    tree_frames.read_pretreated(str(tmp_path), 128, way='as_is')


@pytest.mark.parametrize(
  'way, image, message',
  [
    ('as_is', np.full((64, 64), 900, np.uint16), 'uint16, not grey of 8 bits'),
    ('as_is', np.eye(64, dtype=np.uint8), 'values run from 0 to 1'),
    ('labels', np.full((64, 64), 200, np.uint8), 'labels run to 200'),
  ],
)
def test_images_that_are_taken_as_they_are_must_be_such(
  way, image, message, tmp_path
):
  walker_trees.write_images(tmp_path, [image])
  with pytest.raises(UserError, match=message):
    tree_frames.read_pretreated(str(tmp_path), 64, way=way)
