import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gaitgs_jax.errors import UserError
from gaitgs_jax.input import augment

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
  ('stored', 'size', 'first'),
  [((64, 64), (64, 44), 10), ((128, 128), (128, 88), 20), ((8, 6), (8, 6), 0)],
)
def test_inputs_are_the_middle_columns_in_0_to_1(stored, size, first):
  frames = RNG.integers(0, 256, (2, 3, *stored), np.uint8)
  inputs = augment.inputs(frames, size)
  assert inputs.shape == (2, 3, *size, 1) and inputs.dtype == jnp.float32
  expected = frames[..., first : first + size[1]].astype(np.float32) / 255
  np.testing.assert_allclose(inputs[..., 0], expected, rtol=1e-6)


@pytest.mark.parametrize('size', [(128, 88), (64, 66), (64, 43), (32, 44)])
def test_frames_of_another_size_are_told(size):
  frames = np.zeros((1, 1, 64, 64), np.uint8)
  with pytest.raises(UserError, match=f'64x64, but .* {size[0]}x{size[1]}'):
    augment.inputs(frames, size)


# 64 walks of 3 frames, and the last frame of each is padding.
INPUTS = jnp.asarray(RNG.random((64, 3, 20, 14, 1), np.float32)) + 0.1
MASK = jnp.broadcast_to(jnp.array([True, True, False]), (64, 3))


def apply(*names, seed=0, inputs=INPUTS):
  return np.asarray(
    augment.augment(inputs, MASK, jax.random.key(seed), names)[..., 0]
  )


@pytest.mark.parametrize('name', augment.AUGMENTATIONS)
def test_half_of_the_sequences_change(name):
  changed = apply(name)
  kept = [
    np.array_equal(new[:2], old[:2, ..., 0])
    for new, old in zip(changed, np.asarray(INPUTS), strict=True)
  ]
  assert 16 < sum(kept) < 48
  assert not changed[:, 2].any()
  np.testing.assert_array_equal(changed, apply(name))
  assert not np.array_equal(changed, apply(name, seed=1))


def test_no_names_change_nothing():
  np.testing.assert_array_equal(apply(), INPUTS[..., 0])


def test_flip_mirrors():
  changed, old = apply('flip'), np.asarray(INPUTS[..., 0])
  assert all(
    np.array_equal(new[:2], frames[:2])
    or np.array_equal(new[:2], frames[:2, :, ::-1])
    for new, frames in zip(changed, old, strict=True)
  )


def test_erase_blanks_one_rectangle_in_all_frames():
  for new in apply('erase'):
    blank = new[:2] == 0
    np.testing.assert_array_equal(blank[0], blank[1])
    rows, columns = np.nonzero(blank[0])
    if len(rows):
      height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
      assert height * width == len(rows) <= 0.1 * blank[0].size


def test_shift_moves_by_whole_pixels():
  ramp = jnp.broadcast_to(
    jnp.arange(1.0, 15.0)[None, None, None, :, None], INPUTS.shape
  )
  moves = set()
  for new in apply('shift', inputs=ramp):
    row = new[0, 10]
    move = int(row[7]) - 8
    inside = row[row > 0]
    np.testing.assert_array_equal(np.diff(inside), 1)
    moves.add(move)
  assert moves == {-1, 0, 1}


def test_rotation_keeps_the_centre_and_turns_the_rest():
  inputs = jnp.zeros((64, 3, 21, 21, 1)).at[:, :, :, 10].set(1.0)
  changed = apply('rotate', inputs=inputs)
  np.testing.assert_allclose(changed[:, 0, 10, 10], 1, atol=1e-5)
  top = changed[:, 0, 0].argmax(-1)
  assert top.min() < 10 < top.max()
  assert abs(top - 10).max() <= 2


def test_unknown_names_are_told():
  with pytest.raises(UserError, match="'flop'; choose from flip, rotate"):
    apply('flop')
