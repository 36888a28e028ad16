import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gaitgs_jax import skeletons
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
  inputs = augment.inputs({'silhouettes': frames}, {'silhouettes': size})
  assert inputs.shape == (2, 3, *size, 1) and inputs.dtype == jnp.float32
  expected = frames[..., first : first + size[1]].astype(np.float32) / 255
  np.testing.assert_allclose(inputs[..., 0], expected, rtol=1e-6)


@pytest.mark.parametrize('size', [(128, 88), (64, 66), (64, 43), (32, 44)])
def test_frames_of_another_size_are_told(size):
  frames = np.zeros((1, 1, 64, 64), np.uint8)
  with pytest.raises(
    UserError, match=f'64x64, from .*size {size[0]}x{size[1]} cannot'
  ):
    augment.inputs({'silhouettes': frames}, {'silhouettes': size})


def test_skeletons_stay_as_they_are():
  keypoints = jnp.asarray(RNG.random((2, 3, 17, 3), np.float32))
  inputs = augment.inputs({'keypoints': keypoints}, {'keypoints': (17, 3)})
  np.testing.assert_array_equal(inputs, keypoints)
  with pytest.raises(
    UserError, match=r'skeletons are 17x3, from .*size 18x3 cannot'
  ):
    augment.inputs({'keypoints': keypoints}, {'keypoints': (18, 3)})


def of(*names, **options):
  """Returns a list of transforms, the options those of the last."""
  return (
    *({'name': name} for name in names[:-1]),
    {'name': names[-1]} | options,
  )


@pytest.mark.parametrize(
  ('chosen', 'skeleton', 'message'),
  [
    (of('flop'), '', r"augment\[0\] is 'flop'; choose one of copies, horiz"),
    (of('flip'), '', 'flip is called horizontal_flip in a list'),
    (of('rotation'), 'coco17', "'rotation'; choose one of copies, repair"),
    (
      of('shift', 'rotation', angle=3),
      '',
      r"\[1\] \(rotation\) has no field 'angle'; choose .*degr",
    ),
    (of('reflect', frames=3, probability=1), 'coco17', "no field 'probabilit"),
    (of('reverse', per='frame'), 'coco17', "no field 'per'"),
    (of('crop', frames=5), 'coco17', 'crop is called random_frames'),
    (of('random_frames'), 'coco17', r'\(random_frames\) lacks frames'),
    (of('swap_sides', skeleton='x'), 'coco17', "no field 'skeleton'"),
    (of('copies', number=2), 'coco17', "copies.* has no field 'number'"),
    (of('copies', count=0), '', r'copies\).count is 0; .* from 1 to'),
    ((*of('copies', count=2), *of('copies', count=2)), '', 'copies once'),
    (of('rotation', degrees='x'), '', "degrees is 'x'; it must be a finite"),
    (of('rotation', probability=1.5), '', r'probability is 1.5; .* 0 to 1'),
    (of('rotation', per='walk'), '', "per is 'walk'; choose one of sequence"),
    (of('random_erasing', area=(0.1,)), '', 'area is .* must be of 2 items'),
    (of('random_erasing', area=(0.3, 0.1)), '', 'must not be larger'),
    (of('shift', inputs=('pixels',)), '', "inputs has 'pixels'; choose one"),
    ('shift', '', "augment is 'shift'; it must be a list"),
    ([{'probability': 1}], '', r'augment\[0\] is .* with the name of a'),
  ],
)
def test_what_is_wrong_with_a_list_is_reported(chosen, skeleton, message):
  with pytest.raises(UserError, match=message):
    augment.create(chosen, skeleton=skeleton)


@pytest.mark.parametrize(
  ('earlier', 'now'),
  [
    (
      {'views': {'count': 2}, 'crop': {'frames': 60}, 'repair': {}},
      "(dict(name='copies', count=2), dict(name='repair'), "
      "dict(name='random_frames', frames=60),)",
    ),
    (
      {'swap_sides': {'probability': 1.0, 'share': 0.1}},
      "(dict(name='swap_sides', probability=0.1, per='frame'),)",
    ),
    (
      {'erase': {}, 'flip': {'probability': 0.3}},
      "(dict(name='horizontal_flip', probability=0.3), "
      "dict(name='random_erasing'),)",
    ),
  ],
)
def test_a_dict_of_an_earlier_version_is_refused_with_its_list(earlier, now):
  with pytest.raises(UserError) as caught:
    augment.create(earlier, skeleton='coco17')
  assert str(caught.value).endswith(f'Write config.augment = {now}')
  skeleton = 'coco17' if 'copies' in now or 'swap' in now else ''
  augment.create(eval(now), skeleton=skeleton)


def test_an_evaluation_draws_nothing():
  chosen = of('move', x=1, y=1)
  for chosen in (of('move', x=1, y=1), of('repair', probability=0.9)):
    with pytest.raises(UserError, match=r'is random, which an evaluation'):
      augment.create(chosen, skeleton='coco17', random=False)
  with pytest.raises(UserError, match=r'flip.* set its probability to 1'):
    augment.create(of('horizontal_flip'), random=False)
  augment.create(of('horizontal_flip', probability=1.0), random=False)
  x, mask = jnp.ones((2, 4, 17, 3)), jnp.ones((2, 4), bool)
  chosen = of('middle_frames', frames=3)
  middle = augment.create(chosen, skeleton='coco17', random=False)
  assert middle(x, mask, None)[0].shape == (2, 3, 17, 3)


def test_nothing_chosen_changes_nothing():
  assert augment.create(()) is augment.create({}) is augment.keep
  x, mask = jnp.ones((2, 4, 8, 6, 1)), jnp.ones((2, 4), bool)
  assert augment.keep(x, mask, KEY)[0] is x


def test_the_probability_is_an_option():
  x = jnp.asarray(RNG.random((64, 2, 8, 6, 1), np.float32))
  mask = jnp.ones((64, 2), bool)
  for probability, expected in ((0.0, x), (1.0, x[:, :, :, ::-1])):
    flip = augment.create(of('horizontal_flip', probability=probability))
    np.testing.assert_array_equal(flip(x, mask, KEY)[0], expected)
    flip = augment.create(
      of('horizontal_flip', probability=probability, per='frame')
    )
    np.testing.assert_array_equal(flip(x, mask, KEY)[0], expected)


def test_copies_are_changed_each_by_itself():
  x = jnp.asarray(RNG.random((4, 5, 17, 3), np.float32))
  mask = jnp.ones((4, 5), bool).at[0, 3:].set(False)
  noise = dict(name='joint_noise', scale=1.0)
  twice = augment.create(
    (dict(name='copies', count=2), noise), skeleton='coco17'
  )
  y, masks = twice(x, mask, KEY)
  assert y.shape == (4, 2, 5, 17, 3)
  np.testing.assert_array_equal(masks, jnp.stack([mask, mask], axis=1))
  assert not np.array_equal(y[1, 0], y[1, 1])
  assert not y[0, :, 3:].any()
  # What stands before them is drawn once for all.
  twice = augment.create(
    (noise, dict(name='copies', count=2)), skeleton='coco17'
  )
  y, _ = twice(x, mask, KEY)
  np.testing.assert_array_equal(y[:, 0], y[:, 1])
  assert not np.array_equal(y[1, 0], x[1])


def test_silhouettes_have_copies_too():
  x = jnp.asarray(RNG.random((2, 3, 8, 6, 1), np.float32))
  twice = augment.create(of('copies', count=2))
  y, masks = twice(x, jnp.ones((2, 3), bool), KEY)
  np.testing.assert_array_equal(y, jnp.stack([x, x], axis=1))
  assert masks.shape == (2, 2, 3)


def test_an_evaluation_has_no_copies():
  with pytest.raises(UserError, match=r'copies.* is for training'):
    augment.create(of('copies', count=2), random=False)


def test_they_are_applied_in_their_order_and_a_name_may_come_twice():
  x = jnp.asarray(RNG.random((4, 9, 17, 3), np.float32))
  mask = jnp.ones((4, 9), bool)
  window, mirror = (
    dict(name='random_frames', frames=4),
    dict(name='horizontal_flip', probability=1.0),
  )
  repair = dict(name='repair')
  once = augment.create((window, mirror, repair), skeleton='coco17')
  twice = augment.create((window, mirror, mirror, repair), skeleton='coco17')
  first, last = once(x, mask, KEY)[0], twice(x, mask, KEY)[0]
  assert first.shape == last.shape == (4, 4, 17, 3)
  assert not np.allclose(first, last, atol=1e-4)
  # Mirrored twice, it is as it was.
  plain = augment.create((window,), skeleton='coco17')
  np.testing.assert_allclose(last, plain(x, mask, KEY)[0], atol=1e-5)
  other = augment.create(
    (dict(name='middle_frames', frames=3), window), skeleton='coco17'
  )
  assert other(x, mask, KEY)[0].shape == (4, 3, 17, 3)


def test_the_draws_are_those_of_seed_row_and_place_in_the_list():
  """Batches of a seed and step stay what they were in earlier versions."""
  x = jnp.asarray(RNG.random((3, 5, 17, 3), np.float32))
  mask = jnp.ones((3, 5), bool)
  chosen = (
    dict(name='reverse', probability=0.5),
    dict(name='swap_sides', probability=0.4, per='frame'),
    dict(name='joint_noise', scale=0.25),
  )
  y, _ = augment.create(chosen, skeleton='coco17')(x, mask, KEY)
  swap = jnp.asarray(skeletons.get('coco17').swap)
  for row in range(3):
    keys = [
      jax.random.split(jax.random.fold_in(KEY, place), 3)[row]
      for place in range(3)
    ]
    expected = x[row]
    if jax.random.uniform(jax.random.split(keys[0])[0]) < 0.5:
      expected = expected[::-1]
    frames = jax.random.uniform(jax.random.split(keys[1])[1], (5,)) < 0.4
    expected = jnp.where(frames[:, None, None], expected[:, swap], expected)
    noise = jax.random.uniform(keys[2], (17, 2), minval=-0.25, maxval=0.25)
    expected = expected.at[..., :2].add(noise[None])
    np.testing.assert_allclose(y[row], expected, rtol=1e-6)


def test_the_frames_of_several_modalities_stay_together():
  silhouettes = jnp.asarray(RNG.random((4, 9, 8, 6, 1), np.float32))
  numbers = jnp.broadcast_to(
    jnp.arange(9.0)[None, :, None, None], (4, 9, 17, 3)
  )
  silhouettes = silhouettes.at[:, :, 0, 0, 0].set(numbers[:, :, 0, 0])
  mask = jnp.ones((4, 9), bool).at[0, 6:].set(False)
  chosen = (*of('reverse'), *of('random_frames', frames=4))
  change = augment.create(
    chosen, skeleton='coco17', modalities=('silhouettes', 'keypoints')
  )
  x = {'silhouettes': silhouettes, 'keypoints': numbers}
  y, masks = change(x, mask, KEY)
  assert masks.shape == (4, 4)
  np.testing.assert_array_equal(
    y['silhouettes'][:, :, 0, 0, 0], y['keypoints'][:, :, 0, 0]
  )
  with pytest.raises(UserError, match="'part_blur'; choose one of"):
    augment.create(of('part_blur'), modalities=('depth', 'rgb'))


def test_windows_of_a_sequence_are_changed_separately():
  frames = np.full((2, 3, 5, 8, 6), 100, np.uint8)
  mask = np.arange(30).reshape(2, 3, 5) % 4 > 0
  subject = np.zeros(2, np.int32)
  batch = {'silhouettes': frames, 'mask': mask, 'subject': subject}
  chosen = (dict(name='shift', share=0.3, probability=1.0),)
  seen, kept = augment.create(chosen).of_batch(
    batch, {'silhouettes': (8, 6)}, jax.random.key(0)
  )
  assert seen.shape == (2, 3, 5, 8, 6, 1)
  np.testing.assert_array_equal(kept, mask)
  # Padded frames are 0, and the others shifted by as much within a window.
  np.testing.assert_array_equal(np.asarray(seen).any((3, 4, 5)), mask)
  first = [seen[i, j][mask[i, j]][0] for i in range(2) for j in range(3)]
  assert len({np.asarray(each).tobytes() for each in first}) > 3
