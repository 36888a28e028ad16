import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gaitgs_jax.errors import UserError
from gaitgs_jax.input import augment, map_geometry, map_transforms
from gaitgs_jax.input.transform_lists import TABLES

RNG = np.random.default_rng(0)
KEY = jax.random.key(3)
# 64 walks of 3 frames, and the last frame of each is padding.
INPUTS = jnp.asarray(RNG.random((64, 3, 20, 14, 1), np.float32)) + 0.1
MASK = jnp.broadcast_to(jnp.array([True, True, False]), (64, 3))
# What a frame of this size needs beside the defaults.
OPTIONS = {
  'perspective': {'reach': 4},
  'affine': {'reach': 4},
  'part_dilation': {},
  'part_blur': {},
}
RANDOM = ('horizontal_flip', 'rotation', 'random_erasing', 'shift', *OPTIONS)


def apply(name, seed=0, inputs=INPUTS, modality='silhouettes', **options):
  each = {'name': name, **OPTIONS.get(name, {}), **options}
  change = augment.create((each,), modalities=(modality,))
  return np.asarray(change(inputs, MASK, jax.random.key(seed))[0])


@pytest.mark.parametrize('name', RANDOM)
def test_half_of_the_sequences_change(name):
  changed = apply(name)
  kept = (changed == np.asarray(INPUTS))[:, :2].all(axis=(1, 2, 3, 4))
  assert 16 < kept.sum() < 48
  assert not changed[:, 2].any()
  np.testing.assert_array_equal(changed, apply(name))
  assert not np.array_equal(changed, apply(name, seed=1))


@pytest.mark.parametrize('name', RANDOM)
def test_every_channel_is_changed_alike_and_none_copied(name):
  # Channels of 0 and 1 as blurred silhouettes are, the second inverted.
  hard = (INPUTS > 0.5).astype(jnp.float32)
  two = jnp.concatenate([hard, 1 - hard], axis=-1)
  changed = apply(name, inputs=two, probability=1.0)
  for channel in range(2):
    alone = apply(name, inputs=two[..., channel : channel + 1], probability=1.0)
    np.testing.assert_allclose(changed[..., channel], alone[..., 0], atol=1e-6)
  assert not np.array_equal(changed[..., 0], changed[..., 1])


@pytest.mark.parametrize('name', RANDOM)
def test_frames_may_be_drawn_one_by_one(name):
  same = jnp.broadcast_to(INPUTS[:, :1], INPUTS.shape)
  alike = apply(name, inputs=same, probability=1.0)
  np.testing.assert_array_equal(alike[:, 0], alike[:, 1])
  apart = apply(name, inputs=same, per='frame')
  different = (apart[:, 0] != apart[:, 1]).any(axis=(1, 2, 3))
  assert different.sum() > 20


@pytest.mark.parametrize('modality', ['heatmaps', 'depth', 'rgb', 'parsing'])
def test_several_modalities_are_drawn_alike(modality):
  names = [name for name in RANDOM if name in TABLES[modality]]
  chosen = [{'name': n, **OPTIONS.get(n, {})} for n in names]
  change = augment.create(chosen, modalities=('silhouettes', modality))
  labels = jnp.floor(INPUTS * 5)
  both, _ = change({'silhouettes': labels, modality: labels}, MASK, KEY)
  if modality == 'parsing':
    # Looked up, never mixed: the labels of before, and nothing else.
    assert set(np.unique(both[modality])) <= set(np.unique(labels)) | {0}
    assert len(np.unique(both['silhouettes'])) > 100
  else:
    np.testing.assert_array_equal(both['silhouettes'], both[modality])


def test_a_transform_may_be_of_one_modality_alone():
  chosen = (dict(name='random_erasing', inputs=('depth',), probability=1.0),)
  change = augment.create(chosen, modalities=('silhouettes', 'depth'))
  both, _ = change({'silhouettes': INPUTS, 'depth': INPUTS}, MASK, KEY)
  np.testing.assert_array_equal(both['silhouettes'][:, :2], INPUTS[:, :2])
  assert (both['depth'][:, :2] == 0).any(axis=(1, 2, 3, 4)).all()


def test_flip_mirrors():
  changed = apply('horizontal_flip', probability=1.0)
  np.testing.assert_array_equal(changed[:, :2], INPUTS[:, :2, :, ::-1])


def test_erasing_blanks_one_rectangle_in_all_frames():
  for new in apply('random_erasing'):
    blank = new[:2, ..., 0] == 0
    np.testing.assert_array_equal(blank[0], blank[1])
    rows, columns = np.nonzero(blank[0])
    if len(rows):
      height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
      assert height * width == len(rows) <= 0.25 * blank[0].size


def _erased(size, **options):
  frames = jnp.ones((1, *size, 1))

  def erase(key):
    return map_transforms.random_erasing(frames, key, **options)[0, ..., 0] == 0

  keys = jax.random.split(jax.random.key(0), 2000)
  return np.asarray(jax.lax.map(jax.jit(erase), keys))


@pytest.mark.parametrize('size', [(64, 44), (128, 88)])
def test_erasing_takes_the_shares_and_shapes_of_the_source(size):
  # OpenGait's RandomErasing: 5 to 20 % of a frame, 0.3 to 1 / 0.3 as high as
  # wide, both uniform, and each half of a pixel more or less.
  blank = _erased(size)
  shares = blank.mean(axis=(1, 2))
  assert 0.045 < shares.min() < 0.055 and 0.195 < shares.max() < 0.205
  assert shares.mean() == pytest.approx(0.125, abs=0.004)
  height, width = blank.any(axis=2).sum(axis=1), blank.any(axis=1).sum(axis=1)
  aspects = height / width
  assert 0.27 < aspects.min() < 0.35 and 3.1 < aspects.max() < 3.6
  # Each place is as likely: the first and the last one are both there.
  starts = blank.any(axis=2).argmax(axis=1)
  assert starts.min() == 0 and (starts + height).max() == size[0]


def test_a_rectangle_larger_than_the_frame_is_drawn_again():
  blank = _erased((64, 44), area=(0.4, 0.4))
  height, width = blank.any(axis=2).sum(axis=1), blank.any(axis=1).sum(axis=1)
  assert (blank.mean(axis=(1, 2)) > 0.38).all()
  assert height.max() < 64 and width.max() < 44


def test_places_are_looked_up_as_in_opencv():
  x = RNG.random((2, 24, 16, 3), np.float32)
  matrix = np.array([[0.9, 0.2, -1.3], [-0.1, 1.1, 2.7]], np.float32)
  row, column = np.mgrid[:24, :16].astype(np.float32)
  across = matrix[0, 0] * column + matrix[0, 1] * row + matrix[0, 2]
  down = matrix[1, 0] * column + matrix[1, 1] * row + matrix[1, 2]
  ours = map_geometry.sample(jnp.asarray(x), across, down, False)
  flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
  theirs = [cv2.warpAffine(each, matrix, (16, 24), flags=flags) for each in x]
  # OpenCV rounds places to 1/32 of a pixel.
  np.testing.assert_allclose(ours, np.stack(theirs), atol=2 / 32)


@pytest.mark.parametrize(('step', 'moved'), [(0.4, 0), (0.6, 1), (-1.4, -1)])
def test_labels_are_those_of_the_nearest_pixel(step, moved):
  x = jnp.asarray(RNG.integers(0, 9, (1, 8, 6, 1)).astype(np.float32))
  row, column = np.mgrid[:8, :6].astype(np.float32)
  found = map_geometry.sample(x, column + step, row, True)
  padded = np.pad(x, ((0, 0), (0, 0), (2, 2), (0, 0)))
  np.testing.assert_array_equal(found, padded[:, :, 2 + moved : 8 + moved])


def _released(name, seed, draws):
  """Returns OpenGait's warp of a ramp, of the numbers that ours draws."""
  x = np.linspace(0, 1, 64 * 44, dtype=np.float32).reshape(64, 44)
  key = jax.random.key(seed)
  if name == 'rotation':
    degrees = 10 * float(jax.random.uniform(key, minval=-1, maxval=1))
    # The image's y runs down, so that OpenCV's angle turns the other way.
    matrix = cv2.getRotationMatrix2D((64 // 2, 44 // 2), degrees, 1)
    return x, cv2.warpAffine(x, matrix, (44, 64))
  u = np.floor(np.asarray(jax.random.uniform(key, (draws,))) * 10)
  if name == 'perspective':
    corners = [(u[0], 0), (34 + u[1], 0), (34 + u[3], 64), (u[2], 64)]
    canvas = [(0, 0), (44, 0), (44, 64), (0, 64)]
    matrix = cv2.getPerspectiveTransform(
      np.float32(corners), np.float32(canvas)
    )
    return x, cv2.warpPerspective(x, matrix, (44, 64))
  points = [
    np.float32([[a, b], [64 - c, d], [e, 44 - f]])
    for a, b, c, d, e, f in u.reshape(2, 6)
  ]
  matrix = cv2.getAffineTransform(*points)
  return x, cv2.warpAffine(x, matrix, (44, 64))


@pytest.mark.parametrize(
  ('name', 'draws'), [('rotation', 1), ('perspective', 4), ('affine', 12)]
)
@pytest.mark.parametrize('seed', [0, 1, 2])
def test_warps_are_those_of_the_released_code(name, draws, seed):
  x, theirs = _released(name, seed, draws)
  function = getattr(map_geometry, name)
  ours = function(x[None, ..., None], jax.random.key(seed), False)[0, ..., 0]
  # OpenCV rounds places to 1/32 of a pixel; the border, where frames end, is
  # a step.
  close = np.abs(np.asarray(ours) - theirs) < 1e-2
  assert close.mean() > 0.97, close.mean()


def test_a_narrow_frame_has_no_corner_to_move():
  frames = INPUTS[0]
  for function in (map_geometry.perspective, map_geometry.affine):
    np.testing.assert_allclose(function(frames, KEY, False), frames, atol=1e-5)


def test_rotation_about_the_middle_keeps_it():
  inputs = jnp.zeros((64, 3, 21, 21, 1)).at[:, :, :, 10].set(1.0)
  changed = apply('rotation', inputs=inputs, middle=True)[..., 0]
  np.testing.assert_allclose(changed[:, 0, 10, 10], 1, atol=1e-5)
  top = changed[:, 0, 0].argmax(-1)
  assert top.min() < 10 < top.max()
  assert abs(top - 10).max() <= 2


def test_shift_moves_by_whole_pixels():
  ramp = jnp.broadcast_to(
    jnp.arange(1.0, 15.0)[None, None, None, :, None], INPUTS.shape
  )
  moves = set()
  for new in apply('shift', inputs=ramp)[..., 0]:
    row = new[0, 10]
    inside = row[row > 0]
    np.testing.assert_array_equal(np.diff(inside), 1)
    moves.add(int(row[7]) - 8)
  assert moves == {-1, 0, 1}


MODES = [(cv2.MORPH_RECT, (5, 3)), (cv2.MORPH_RECT, (5, 5))]
MODES += [(cv2.MORPH_RECT, (3, 5))]
MODES += [
  (mode, size)
  for mode in (cv2.MORPH_CROSS, cv2.MORPH_ELLIPSE)
  for size in ((3, 3), (3, 5), (5, 3))
]


def test_parts_grow_by_the_elements_of_the_source():
  theirs = []
  for mode, size in MODES:
    element = cv2.getStructuringElement(mode, size)
    rows, columns = ((5 - length) // 2 for length in element.shape)
    theirs.append(np.pad(element, [(rows, rows), (columns, columns)]))
  np.testing.assert_array_equal(map_transforms._KERNELS, theirs)


def _parts(x, new):
  """Yields each part that may have been drawn, and whether it was."""
  for top in range(12, 17):
    for bottom in range(36, 41):
      outside = np.r_[:top, bottom : len(x)]
      if (new[outside] == x[outside]).all():
        yield top, bottom


def test_dilation_is_opencvs_within_a_part():
  x = (RNG.random((64, 44)) < 0.1).astype(np.float32)
  for seed in range(5):
    key = jax.random.key(seed)
    new = map_transforms.part_dilation(jnp.asarray(x[None, ..., None]), key)
    new = np.asarray(new)[0, ..., 0]
    found = [
      np.array_equal(
        new[top:bottom],
        cv2.dilate(x[top:bottom], cv2.getStructuringElement(*m)),
      )
      for top, bottom in _parts(x, new)
      for m in MODES
    ]
    assert any(found)


def test_blur_is_opencvs_within_a_part():
  x = (RNG.random((64, 44)) < 0.3).astype(np.float32)
  for seed in range(5):
    key = jax.random.key(seed)
    options = {'top': (12, 16), 'bottom': (36, 40)}
    new = map_transforms.part_blur(
      jnp.asarray(x[None, ..., None]), key, **options
    )
    new = np.asarray(new)[0, ..., 0]
    found = [
      np.array_equal(
        new[top:bottom], cv2.GaussianBlur(x[top:bottom], (3, 3), 0) > 0.2
      )
      for top, bottom in _parts(x, new)
    ]
    assert any(found)


def test_parts_follow_the_height_of_the_frame():
  x = jnp.zeros((1, 128, 88, 1)).at[:, ::3].set(1.0)
  new = np.asarray(map_transforms.part_dilation(x, KEY))
  rows = np.flatnonzero((new != x).any(axis=(0, 2, 3)))
  assert 24 <= rows.min() < 36 and 68 < rows.max() < 80


def test_crop_cuts_the_columns_that_the_model_sees():
  whole = augment.create((dict(name='crop'),), width=8)
  y, _ = whole(INPUTS, MASK, KEY)
  np.testing.assert_array_equal(y[:, :2], INPUTS[:, :2, :, 3:11])
  with pytest.raises(UserError, match='middle 9 columns of 14 are not'):
    augment.create((dict(name='crop'),), width=9)(INPUTS, MASK, KEY)
  frames = np.zeros((2, 3, 64, 64), np.uint8)
  frames[..., :10] = 255
  batch = {'silhouettes': frames, 'mask': np.ones((2, 3), bool)}
  for chosen in ((), (dict(name='crop'),)):
    change = augment.create(chosen, width=44)
    x, _ = change.of_batch(batch, {'silhouettes': (64, 44)})
    assert x.shape == (2, 3, 64, 44, 1) and not x.any()
  # Before the cut, a frame is whole.
  flip = dict(name='horizontal_flip', probability=1.0)
  shifted = augment.create((flip, dict(name='crop')), width=44)
  assert shifted.crops and not augment.create((flip,), width=44).crops


def test_numbers_are_scaled_over_the_valid_frames():
  x = INPUTS.at[:, 2].set(99.0)
  y = apply('min_max', inputs=x, modality='heatmaps')[:, :2]
  assert y.min(axis=(1, 2, 3, 4)) == pytest.approx(0)
  assert y.max(axis=(1, 2, 3, 4)) == pytest.approx(1)
  zeros = apply('min_max', inputs=jnp.zeros_like(x), modality='heatmaps')
  assert not zeros.any()


def test_rgb_is_normalized_by_channel():
  x = jnp.broadcast_to(jnp.array([0.485, 0.681, 0.406]), (64, 3, 4, 4, 3))
  y = apply('normalize', inputs=x, modality='rgb')[:, :2]
  np.testing.assert_allclose(
    y, np.broadcast_to([0, 0.225 / 0.224, 0], y.shape), atol=1e-5
  )
