import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gaitgs_jax.input import augment, silhouette_transforms

RNG = np.random.default_rng(0)


# 64 walks of 3 frames, and the last frame of each is padding.
INPUTS = jnp.asarray(RNG.random((64, 3, 20, 14, 1), np.float32)) + 0.1
MASK = jnp.broadcast_to(jnp.array([True, True, False]), (64, 3))


def apply(*names, seed=0, inputs=INPUTS):
  change = augment.create({name: {} for name in names})
  return np.asarray(change(inputs, MASK, jax.random.key(seed))[0][..., 0])


@pytest.mark.parametrize('name', silhouette_transforms.TRANSFORMS)
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
      assert height * width == len(rows) <= 0.25 * blank[0].size


@pytest.mark.parametrize('size', [(64, 44), (128, 88)])
def test_erase_takes_the_shares_and_shapes_of_the_source(size):
  # OpenGait's RandomErasing: 5 to 20 % of a frame, 0.3 to 1 / 0.3 as high as
  # wide, both uniform, and each half of a pixel more or less.
  frames = jnp.ones((1, *size))
  erase = jax.jit(lambda key: silhouette_transforms.erase(frames, key)[0] == 0)
  blank = np.asarray(
    jax.lax.map(erase, jax.random.split(jax.random.key(0), 2000))
  )
  shares = blank.mean(axis=(1, 2))
  assert 0.045 < shares.min() < 0.055 and 0.195 < shares.max() < 0.205
  assert shares.mean() == pytest.approx(0.125, abs=0.004)
  height, width = blank.any(axis=2).sum(axis=1), blank.any(axis=1).sum(axis=1)
  aspects = height / width
  assert 0.27 < aspects.min() < 0.35 and 3.1 < aspects.max() < 3.6


@pytest.mark.parametrize('name', silhouette_transforms.TRANSFORMS)
def test_every_channel_is_changed_alike_and_none_copied(name):
  two = jnp.concatenate([INPUTS, 2 * INPUTS], axis=-1)
  change = augment.create({name: {'probability': 1.0}})
  changed, _ = change(two, MASK, jax.random.key(0))
  alone, _ = change(INPUTS, MASK, jax.random.key(0))
  np.testing.assert_allclose(changed[..., :1], alone, rtol=1e-6)
  np.testing.assert_allclose(changed[..., 1:], 2 * alone, rtol=1e-5)


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
