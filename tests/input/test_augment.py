import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gaitgs_jax.errors import UserError
from gaitgs_jax.input import augment

RNG = np.random.default_rng(0)
KEY = jax.random.key(0)


@pytest.mark.parametrize(
  ('stored', 'size', 'first'),
  [((64, 64), (64, 44), 10), ((128, 128), (128, 88), 20), ((8, 6), (8, 6), 0)],
)
def test_inputs_are_the_middle_columns_in_0_to_1(stored, size, first):
  frames = RNG.integers(0, 256, (2, 3, *stored), np.uint8)
  inputs = augment.inputs({'frames': frames}, size)
  assert inputs.shape == (2, 3, *size, 1) and inputs.dtype == jnp.float32
  expected = frames[..., first : first + size[1]].astype(np.float32) / 255
  np.testing.assert_allclose(inputs[..., 0], expected, rtol=1e-6)


@pytest.mark.parametrize('size', [(128, 88), (64, 66), (64, 43), (32, 44)])
def test_frames_of_another_size_are_told(size):
  frames = np.zeros((1, 1, 64, 64), np.uint8)
  with pytest.raises(UserError, match=f'64x64, but .* {size[0]}x{size[1]}'):
    augment.inputs({'frames': frames}, size)


def test_skeletons_stay_as_they_are():
  keypoints = jnp.asarray(RNG.random((2, 3, 17, 3), np.float32))
  inputs = augment.inputs({'keypoints': keypoints}, (17, 3))
  np.testing.assert_array_equal(inputs, keypoints)
  with pytest.raises(UserError, match='17 joints, but the model expects 18'):
    augment.inputs({'keypoints': keypoints}, (18, 3))


@pytest.mark.parametrize(
  ('chosen', 'skeleton', 'message'),
  [
    ({'flop': {}}, '', "'flop'.*'flip'.*choose one of flip, rotate"),
    ({'flip': {}}, 'coco17', "'flip'; choose one of repair, reflect"),
    (
      {'rotate': {'angle': 3}},
      '',
      "rotate has no field 'angle'; choose .*degr",
    ),
    ({'repair': {'probability': 1}}, 'coco17', 'there are none'),
    ({'crop': {}}, 'coco17', 'augment.crop lacks frames'),
    ({'swap_sides': {'swap': (0,)}}, 'coco17', "no field 'swap'"),
    ({'copies': {'number': 2}}, 'coco17', "copies has no field 'number'"),
    ({'copies': {'count': 0}}, '', r'copies.count is 0; .* from 1 to'),
    ({'rotate': {'degrees': 'x'}}, '', "degrees is 'x'; it must be a finite"),
  ],
)
def test_what_is_wrong_with_a_choice_is_told(chosen, skeleton, message):
  with pytest.raises(UserError, match=message):
    augment.create(chosen, skeleton=skeleton)


def test_an_evaluation_draws_nothing():
  with pytest.raises(UserError, match=r'move is random, which an evaluation'):
    augment.create({'move': {'x': 1, 'y': 1}}, skeleton='coco17', random=False)
  x, mask = jnp.ones((2, 4, 17, 3)), jnp.ones((2, 4), bool)
  chosen = {'centre': {'frames': 3}}
  middle = augment.create(chosen, skeleton='coco17', random=False)
  assert middle(x, mask, None)[0].shape == (2, 3, 17, 3)


def test_nothing_chosen_changes_nothing():
  assert augment.create({}) is augment.keep
  x, mask = jnp.ones((2, 4, 8, 6, 1)), jnp.ones((2, 4), bool)
  assert augment.keep(x, mask, KEY)[0] is x


def test_the_probability_is_an_option():
  x = jnp.asarray(RNG.random((64, 2, 8, 6, 1), np.float32))
  mask = jnp.ones((64, 2), bool)
  for probability, expected in ((0.0, x), (1.0, x[:, :, :, ::-1])):
    flip = augment.create({'flip': {'probability': probability}})
    np.testing.assert_array_equal(flip(x, mask, KEY)[0], expected)


def test_copies_are_changed_each_by_itself():
  x = jnp.asarray(RNG.random((4, 5, 17, 3), np.float32))
  mask = jnp.ones((4, 5), bool).at[0, 3:].set(False)
  chosen = {'joint_noise': {'scale': 1.0}, 'copies': {'count': 2}}
  twice = augment.create(chosen, skeleton='coco17')
  y, masks = twice(x, mask, KEY)
  assert y.shape == (4, 2, 5, 17, 3)
  np.testing.assert_array_equal(masks, jnp.stack([mask, mask], axis=1))
  assert not np.array_equal(y[1, 0], y[1, 1])
  assert not y[0, :, 3:].any()


def test_silhouettes_have_copies_too():
  x = jnp.asarray(RNG.random((2, 3, 8, 6, 1), np.float32))
  twice = augment.create({'copies': {'count': 2}})
  y, masks = twice(x, jnp.ones((2, 3), bool), KEY)
  np.testing.assert_array_equal(y, jnp.stack([x, x], axis=1))
  assert masks.shape == (2, 2, 3)


def test_an_evaluation_has_no_copies():
  with pytest.raises(UserError, match='copies is for training'):
    augment.create({'copies': {'count': 2}}, random=False)


def test_order_of_the_names_does_not_matter():
  x = jnp.asarray(RNG.random((4, 9, 17, 3), np.float32))
  mask = jnp.ones((4, 9), bool)
  chosen = {'crop': {'frames': 4}, 'reverse': {}, 'move': {'x': 3, 'y': 1}}
  forward = augment.create(chosen, skeleton='coco17')
  backward = augment.create(
    dict(reversed(list(chosen.items()))), skeleton='coco17'
  )
  np.testing.assert_array_equal(
    forward(x, mask, KEY)[0], backward(x, mask, KEY)[0]
  )
