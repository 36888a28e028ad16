"""The same walk stored in the ways that people store masks."""

import io

import cv2
import numpy as np
import PIL.Image
import pytest
import walker_trees
from fuzz import hostile

from gaitgs_jax.errors import UserError
from gaitgs_jax.input import images, masks, tree_files, tree_frames
from gaitgs_jax.input.pretreatment import pretreat

WALK = walker_trees.frames('001')
PERSON = WALK > 0


def png(frame, **options):
  file = io.BytesIO()
  PIL.Image.fromarray(frame).save(file, 'PNG', **options)
  return file.getvalue()


def palette(frame, *colours):
  image = PIL.Image.fromarray(frame)
  image.putpalette([channel for colour in colours for channel in colour])
  file = io.BytesIO()
  image.save(file, 'PNG')
  return file.getvalue()


def cutout(person):
  """A dark person, opaque, on a transparent background of any colour."""
  image = np.full((*person.shape, 4), (90, 200, 10, 0), np.uint8)
  image[person] = (40, 30, 25, 255)
  return png(image)


def on_two_colours(person):
  colours = np.array([(68, 1, 84), (253, 231, 36)], np.uint8)
  return png(colours[person.astype(int)])


def jpeg(frame, quality=75):
  options = [cv2.IMWRITE_JPEG_QUALITY, quality]
  return cv2.imencode('.jpg', frame, options)[1].tobytes()


def soft(frame):
  return cv2.GaussianBlur(frame, (0, 0), 1.5)


def write(folder, files):
  folder.mkdir()
  for i, content in enumerate(files):
    # OpenCV looks at the content, not at the name.
    (folder / f'{i}.png').write_bytes(content)


def overlap(frames, others):
  person, other = frames > 127, others > 127
  return (person & other).sum() / (person | other).sum()


@pytest.mark.parametrize(
  ('encode', 'note'),
  [
    (lambda person: png(person), ''),
    (lambda person: png(person * np.uint8(255)), ''),
    (lambda person: png(np.dstack([person * np.uint8(255)] * 3)), ''),
    (lambda person: png(~person * np.uint8(255)), 'read as black on white'),
    (lambda person: png(person * np.uint8(1)), 'read as 1 on 0'),
    (lambda person: png(person * np.uint8(15)), 'read as 15 on 0'),
    (lambda person: png(~person * np.uint8(1)), 'read as 0 on 1'),
    (lambda person: png(person * np.uint16(255)), 'read as 255 on 0'),
    (lambda person: png(person * np.uint16(65535)), 'read as 65535 on 0'),
    (cutout, ''),
    (on_two_colours, 'read as #fde724 on #440154'),
    (
      lambda person: palette(
        person * np.uint8(15), *[(0, 0, 0)] * 15, (192, 128, 128)
      ),
      'read as #c08080 on #000000',
    ),
    (
      lambda person: palette(person * np.uint8(1), (0, 0, 0), (128, 0, 0)),
      'read as #800000 on #000000',
    ),
  ],
)
def test_a_mask_is_the_same_however_it_is_stored(tmp_path, encode, note):
  write(tmp_path / 'walk', map(encode, PERSON))
  notes: list[str] = []
  found = list(tree_frames.read_frames(str(tmp_path / 'walk'), notes))
  np.testing.assert_array_equal(found, WALK)
  assert notes == ([note] if note else [])


@pytest.mark.parametrize('inverted', [False, True])
@pytest.mark.parametrize(
  'encode',
  [
    jpeg,
    lambda frame: jpeg(frame, 30),
    lambda frame: png(soft(frame)),
    # Half the contrast, in a background that is not black.
    lambda frame: png(soft(frame) // 2 + np.uint8(50)),
    lambda frame: png(np.dstack([soft(frame) // i for i in (4, 1, 9)])),
    lambda frame: png(cv2.resize(cv2.resize(frame, (160, 120)), (320, 240))),
  ],
)
def test_soft_edges_are_cut_where_the_person_ends(tmp_path, encode, inverted):
  write(tmp_path / 'walk', [encode(255 - f if inverted else f) for f in WALK])
  found = list(tree_frames.read_frames(str(tmp_path / 'walk')))
  for frame, truth in zip(found, WALK, strict=True):
    rows, expected = (np.flatnonzero(f.any(1)) for f in (frame, truth))
    assert np.abs(rows[[0, -1]] - expected[[0, -1]]).max() <= 1
  assert set(np.unique(found)) == {0, 255}
  # 0.79 (JPEG) and 0.76 (blurred) where the grey ring is taken for the person.
  assert overlap(pretreat(found), pretreat(WALK)) > 0.92


def two_people(person):
  labels = person * np.uint8(1)
  labels[40:120, 10:40] = 2
  return labels


def with_void(person):
  """Class 15 with the boundary of class 255 that datasets draw around it."""
  kernel = np.ones((9, 9), np.uint8)
  labels = person * np.uint8(15)
  labels[cv2.dilate(labels, kernel) != cv2.erode(labels, kernel)] = 255
  return labels


def picture(person):
  rng = np.random.default_rng(0)
  coarse = rng.integers(0, 256, (24, 32), np.uint8)
  return cv2.resize(coarse, person.shape[::-1], interpolation=cv2.INTER_CUBIC)


def suit(person):
  """A photograph cut out: a bright face above dark clothes, on black."""
  shades = 20 + np.arange(person.size).reshape(person.shape) % 23
  top = np.flatnonzero(person.any(1))[0]
  shades[: top + 12] = 200
  return (person * shades).astype(np.uint8)


@pytest.mark.parametrize(
  ('encode', 'message'),
  [
    (lambda person: png(two_people(person)), 'are 0, 1, 2, of which several'),
    (lambda person: png(with_void(person)), 'are 0, 15, 255, of which several'),
    (
      lambda person: palette(
        two_people(person), (0, 0, 0), (128, 0, 0), (0, 128, 0)
      ),
      'are #000000, #008000, #800000, of which several',
    ),
    (lambda person: png(picture(person)), 'many shades, as photographs'),
    (
      lambda person: png(np.dstack([picture(person), *[WALK[0]] * 2])),
      'many shades, as photographs',
    ),
    (lambda person: png(suit(person)), '`gaitgs silhouettes` makes them'),
  ],
)
def test_what_is_not_one_mask_is_refused(tmp_path, encode, message):
  write(tmp_path / 'walk', map(encode, PERSON))
  with pytest.raises(UserError, match=rf'walk: .*{message}'):
    tree_frames.read_frames(str(tmp_path / 'walk'))


def test_a_narrow_void_boundary_belongs_to_the_person():
  kernel = np.ones((3, 3), np.uint8)
  labels = [person * np.uint8(15) for person in PERSON]
  for frame in labels:
    frame[(frame > 0) & (cv2.erode(frame, kernel) == 0)] = 255
  np.testing.assert_array_equal(list(masks.foreground(labels)[0]), WALK)


def test_a_frame_that_shows_nobody_does_not_change_the_others(tmp_path):
  for name, blank, encode in (
    ('cutout', cutout(0 * PERSON[0] > 0), cutout),
    ('colour', png(np.zeros((*PERSON[0].shape, 3), np.uint8)), None),
    ('grey', png(0 * WALK[0]), lambda person: png(person * np.uint8(15))),
  ):
    encode = encode or (
      lambda person: palette(person * np.uint8(1), (0, 0, 0), (128, 0, 0))
    )
    write(tmp_path / name, [*map(encode, PERSON[:3]), blank])
    found = list(tree_frames.read_frames(str(tmp_path / name)))
    np.testing.assert_array_equal(found, [*WALK[:3], 0 * WALK[0]])


def test_published_frames_stay_as_they_are():
  # One frame of a failed segmentation, as the published trees have some.
  failed = np.full_like(WALK[0], 255)
  found, note = masks.foreground([*WALK, failed])
  np.testing.assert_array_equal(found, [*WALK, failed])
  assert note == ''
  assert masks.foreground([]) == ([], '')


@pytest.mark.parametrize('value', [0, 1, 128, 255])
def test_frames_of_one_value_show_nobody(value):
  found, _ = masks.foreground([np.full((9, 6), value, np.uint8)] * 3)
  assert not np.any(list(found))


@pytest.mark.parametrize(
  ('change', 'message'),
  [
    (lambda data: data[: len(data) // 2], 'cut short'),
    (lambda data: b'', 'is empty; copy'),
    (lambda data: b'hello' * 100, 'is not a PNG, JPEG or BMP image'),
    (lambda data: b'BM' + data, 'is damaged'),
  ],
)
def test_a_damaged_image_is_refused_by_name(tmp_path, change, message):
  path = tmp_path / '001.png'
  path.write_bytes(change(png(WALK[0])))
  with pytest.raises(UserError, match=rf'001\.png: .*{message}'):
    images.read(path)


def coded(kind):
  return cv2.imencode(kind, WALK[0])[1].tobytes()


@pytest.mark.parametrize(
  'content',
  [
    coded('.tiff'),
    coded('.webp'),
    coded('.jp2'),
    coded('.ras'),
    coded('.pgm'),
    b'#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 1\n\0\0\0\0',
    b'Pf\n1 1\n-1.0\n\0\0\0\0',
    b'\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf',
    b'GIF89a\x01\0\x01\0\0\0\0;',
  ],
)
def test_only_png_jpeg_and_bmp_are_decoded(tmp_path, monkeypatch, content):
  """The other decoders of OpenCV are never let near a file from outside."""
  monkeypatch.setattr(cv2, 'imdecode', None)
  path = tmp_path / '001.png'
  path.write_bytes(content)
  with pytest.raises(UserError, match=r'001\.png: is not a PNG, JPEG or BMP'):
    images.read(path)


def rgb(person):
  return np.array([(9, 1, 84), (253, 231, 36)], np.uint8)[person.astype(int)]


@pytest.mark.parametrize(
  'frames',
  [WALK, 255 - WALK, [*map(soft, WALK)], rgb(PERSON)],
  ids=['plain', 'inverted', 'soft', 'colours'],
)
def test_a_long_sequence_takes_the_memory_of_a_few_frames(
  tmp_path, monkeypatch, frames
):
  """Each image is decoded again, and the result is that of all at once."""
  content = [png(cv2.resize(frame, (500, 400))) for frame in frames]
  write(tmp_path / 'walk', content * 10)
  bytes_of_one = 500 * 400 * (4 if np.ndim(frames) == 4 else 1)
  folder, notes = str(tmp_path / 'walk'), []
  monkeypatch.setattr(images, '_KEPT', 2 * bytes_of_one)
  with hostile.nothing_happens(memory=24 * bytes_of_one):
    found = tree_frames.read_pretreated(folder, 64, notes)
  monkeypatch.undo()
  expected, note = masks.foreground(
    [images.read(p) for p in tree_files.sequence_files(folder)]
  )
  np.testing.assert_array_equal(found, pretreat(expected))
  assert notes == list(filter(None, [note]))
