"""Every modality, with made data: from a tree to what a model is given."""

import itertools
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gaitgs_jax import modalities, synthetic
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import (
  augment,
  checking,
  datasets,
  opening,
  pairing,
  pickles,
  pipeline,
  sizes,
  tree_files,
  tree_frames,
  trees,
  unreadable,
  walks,
)

# Frames as a tree holds them.
STORED = {
  'silhouettes': (16, 16),
  'heatmaps': (16, 16, 2),
  'keypoints': (17, 3),
  'parsing': (16, 16),
  'depth': (16, 16, 3),
  'rgb': (16, 16, 3),
  'smpl': (85,),
  'points': (32, 3),
  'features': (24,),
}
# Frames as a model sees them: images in their middle columns.
SEEN = {
  name: (16, 12, *frame[2:]) if frame[:2] == (16, 16) else frame
  for name, frame in STORED.items()
}
INPUTS = {name: {'size': size} for name, size in SEEN.items()}
CLOUD = np.ones((4, 3))
NAMES = [
  (f'{subject:03d}', f'nm-{walk:02d}', '090')
  for subject in (1, 2)
  for walk in (1, 2)
]


def made(name, row, length=None):
  """Returns one sequence [s,...] of a modality."""
  length = length or 6 + row
  if name == 'keypoints':
    walk = synthetic.walk_keypoints(0, row, 'nm-01', '090', frames=20)
    return walk[np.arange(length) % 20]
  random = np.random.default_rng([row, len(name)])
  shape = (length, *STORED[name])
  row = modalities.get(name)
  if row.dtype.kind == 'f':
    return random.normal(size=shape).astype(np.float32)
  top = 8 if name == 'parsing' else 256
  frames = random.integers(0, top, shape, np.uint8)
  if name == 'silhouettes':  # Their sides are free.
    frames[:, :, [0, -1]], frames[:, 3:9, 5:9] = 0, 255
  return frames


def write(root, name, arrays, names=NAMES, prefix=''):
  """Writes one file per sequence, named after its modality."""
  word = modalities.get(name).words[0]
  for array, place in zip(arrays, names, strict=True):
    folder = root.joinpath(*place)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f'{prefix}{word}.pkl'
    path.write_bytes(pickle.dumps(array, protocol=4))


@pytest.fixture(scope='module')
def tree(tmp_path_factory):
  root = tmp_path_factory.mktemp('tree')
  for name in STORED:
    write(root, name, [made(name, row) for row in range(len(NAMES))])
  return root


def open_own(root, names, **fields):
  dataset = {'name': 'own', 'format': 'opengait', 'root': str(root), **fields}
  return opening.open_source(dataset, {name: SEEN[name] for name in names})


def test_there_is_made_data_of_every_modality():
  assert STORED.keys() == modalities.MODALITIES.keys()
  facts = datasets.get('own')
  assert sizes.of(INPUTS, facts) == SEEN
  for row in modalities.MODALITIES.values():
    assert all(modalities.of_file(word) == row.name for word in row.words)


@pytest.mark.parametrize('name', STORED)
def test_a_modality_alone_is_read_batched_and_seen(tree, name):
  row, source = modalities.get(name), open_own(tree, [name])
  assert source.modalities == {name: STORED[name]}
  np.testing.assert_array_equal(source.read(2)[name], made(name, 2))
  (batch,) = pipeline.evaluation_batches(
    source,
    np.arange(4),
    36,
    dataset=datasets.get('own'),
    backend='threads',
    max_buckets=1,
  )
  assert batch[name].shape == (4, 9, *STORED[name])
  assert (
    batch[name].dtype == row.dtype and not batch[name][~batch['mask']].any()
  )
  inputs = augment.inputs(batch, {name: SEEN[name]})
  assert inputs.dtype == jnp.float32
  assert inputs.shape == (4, 9, *row.input_frame(SEEN[name]))
  frames = batch[name].astype(np.float32)
  if 'w' in row.axes:
    frames = frames[:, :, :, 2:-2] / (row.scale or 1)
  np.testing.assert_allclose(
    inputs, frames.reshape(inputs.shape), rtol=1e-6, atol=0
  )


def test_clouds_have_as_many_points_as_the_model_sees(tmp_path):
  random = np.random.default_rng(0)
  clouds = [
    [random.normal(size=(count, 3)) for count in counts]
    for counts in (
      [40, 9, 20, 3, 60],
      [20] * 5,
      [5, 4, 9, 8, 7],
      [90, 1, 3, 9, 9],
    )
  ]
  write(tmp_path, 'points', clouds)
  dataset = {'name': 'own', 'format': 'opengait', 'root': str(tmp_path)}
  for cache in ('', 'ram'):
    source = opening.open_source(
      dataset | {'cache': cache}, {'points': (20, 3)}
    )
    assert source.modalities == {'points': (20, 3)}
    read = source.read(0)['points']
    assert read.shape == (5, 20, 3) and read.dtype == np.float32
    for frame, cloud in zip(read, clouds[0], strict=True):
      places = (frame[:, None] == np.float32(cloud)).all(-1)
      assert (places.sum(1) == 1).all()
      # With replacement: of 20 among 40 some come twice.
      assert places.any(0).sum() < 20 or len(cloud) == 20
    np.testing.assert_array_equal(read[2], np.float32(clouds[0][2]))
    np.testing.assert_array_equal(source.read(0)['points'], read)
    window = source.read(0, np.array([0, 2]))['points']
    assert (window[0] != read[0]).any()
    np.testing.assert_array_equal(window[1], read[2])
    fitted = walks.fitted(
      {
        'points': pickles.load(
          tmp_path.joinpath(*NAMES[0], 'point.pkl'), modalities.get('points')
        )
      },
      {'points': (20, 3)},
      'x',
    )
    np.testing.assert_array_equal(fitted['points'], read)
  found = list(checking.check_tree(trees.open_tree(tmp_path), 1))
  assert [each.bad for each in found] == [''] * 4


def test_all_modalities_reach_a_model_as_arrays_by_name(tree):
  source = open_own(tree, STORED)
  batch = next(
    pipeline.train_batches(
      source,
      np.arange(4),
      {'subjects': 2, 'sequences': 2, 'frames': 3},
      dataset=datasets.get('own'),
      seed=0,
      backend='threads',
    )
  )
  for i, row in enumerate(batch['sequence']):
    stored = made('smpl', int(row))
    places = [
      int(np.flatnonzero((stored == frame).all(-1))[0])
      for frame in batch['smpl'][i]
    ]
    for name in STORED:  # The same frames of each.
      np.testing.assert_array_equal(
        batch[name][i], made(name, int(row))[places]
      )
  inputs = augment.inputs(batch, SEEN)
  assert inputs.keys() == STORED.keys()

  @jax.jit
  def model(inputs, mask):
    means = [x.reshape(*mask.shape, -1).mean(-1) for x in inputs.values()]
    return jnp.where(mask, sum(means), 0).sum(1)

  assert np.isfinite(model(inputs, batch['mask'])).all()


def test_all_modalities_of_a_tree_are_checked(tree, tmp_path):
  found = list(checking.check_tree(trees.open_tree(tree), 1))
  assert [each.bad for each in found] == [''] * 4
  assert not any('differ' in each.note for each in found)
  for name in ('silhouettes', 'keypoints'):
    write(tmp_path, name, [made(name, row, 9) for row in range(4)])
  write(tmp_path, 'keypoints', [made('keypoints', 1, 8)], NAMES[1:2])
  labels = np.full((9, 16, 16), 255, np.uint8)
  write(tmp_path, 'parsing', [labels] * 4)
  bad = list(checking.check_tree(trees.open_tree(tmp_path), 1))[2].bad
  assert bad.startswith('label maps: pars.pkl its labels run to 255')
  write(tmp_path, 'parsing', [labels // 50] * 4)
  second = list(checking.check_tree(trees.open_tree(tmp_path), 1))[1]
  assert not second.bad
  assert '9 silhouettes and 8 skeletons and 9 label maps' in second.note


@pytest.mark.parametrize(
  ('name', 'array', 'message'),
  [
    ('heatmaps', np.ones((5, 16, 16, 2), np.uint8), 'values are 0 and 1'),
    ('rgb', np.ones((5, 16, 16, 3), np.uint8), 'largest must be 255'),
    ('rgb', np.ones((5, 16, 16), np.uint8), r'not uint8 \[s,h,w,3\]'),
    ('depth', np.ones((5, 16, 16, 3)), r'holds float64 .*, not uint8 \[s,h'),
    ('parsing', np.full((5, 16, 16), 99, np.uint8), 'labels run to 99'),
    ('smpl', np.full((5, 85), np.nan, 'f4'), 'not finite'),
    ('points', np.full((5, 9, 3), 1e7, 'f4'), 'frame 0 .* above 1e6'),
    ('points', [CLOUD, CLOUD[:0]], 'frame 1 has no point'),
    ('points', [CLOUD, CLOUD * [[1, np.inf, 1]]], 'frame 1 .* not finite'),
    ('points', np.ones((5, 9, 2), 'f4'), r'not float \[s,k,3\]'),
    ('features', np.ones((5, 9), np.int64), r'not float \[s,d\]'),
  ],
)
def test_what_a_modality_cannot_be_is_named(tmp_path, name, array, message):
  path = tmp_path / 'x.pkl'
  path.write_bytes(pickle.dumps(array))
  with pytest.raises(UserError, match=f'{path}: .*{message}'):
    tree_frames.read_pickle(path, name)


def test_channels_come_last_however_they_are_stored(tmp_path):
  frames = made('rgb', 0)
  path = tmp_path / 'x.pkl'
  path.write_bytes(pickle.dumps(np.moveaxis(frames, -1, 1)))
  read = pickles.load(path, modalities.get('rgb'))
  np.testing.assert_array_equal(read, frames)
  path.write_bytes(pickle.dumps(frames[..., 0]))
  read = pickles.load(path, modalities.get('depth'))
  np.testing.assert_array_equal(read, frames[..., :1])


BOTH = ('silhouettes', 'keypoints')


def write_both(root, lengths):
  for name, length in zip(BOTH, lengths, strict=True):
    write(root, name, [made(name, row, length) for row in range(4)])


def test_other_lengths_are_named_or_the_common_frames_taken(tmp_path, capsys):
  write_both(tmp_path, (89, 98))
  message = '001/nm-01/090: 89 silhouettes and 98 skeletons, which cannot'
  with pytest.raises(UserError, match=message):
    open_own(tmp_path, BOTH)
  source = open_own(tmp_path, BOTH, pair='intersect')
  assert source.index.length.tolist() == [89] * 4
  read = source.read(1, np.array([88, 0]))
  for name, length in zip(BOTH, (89, 98), strict=True):
    np.testing.assert_array_equal(read[name], made(name, 1, length)[[88, 0]])
  with pytest.raises(UserError, match="'inner'; choose one of exact, inter"):
    open_own(tmp_path, BOTH, pair='inner')
  write(tmp_path, 'silhouettes', [made('silhouettes', 1, 98)] * 2, NAMES[:2])
  left_out = unreadable.Unreadable()
  dataset = {'name': 'own', 'format': 'opengait', 'root': str(tmp_path)}
  source = opening.open_source(
    dataset, {name: SEEN[name] for name in BOTH}, left_out
  )
  assert len(source.index) == 2 and len(left_out) == 2
  assert 'left out: 002/nm-01/090: 89 silhouettes' in capsys.readouterr().err


def test_frames_with_names_are_paired_by_them(tmp_path):
  write_both(tmp_path, (6, 8))
  names = {'sil': [2, 3, 4, 5, 8, 9], 'pose': [9, 8, 7, 6, 5, 4, 3, 2]}
  for place, (word, numbers) in itertools.product(NAMES, names.items()):
    path = tmp_path.joinpath(*place, f'{word}{tree_files.FRAME_NAMES}')
    path.write_text(''.join(f'{number}\n' for number in numbers))
  with pytest.raises(
    UserError, match=r"of which 6 have .* frame '7' of the ske"
  ):
    open_own(tmp_path, BOTH)
  source = open_own(tmp_path, BOTH, pair='intersect')
  places = {'silhouettes': range(6), 'keypoints': [7, 6, 5, 4, 1, 0]}
  assert source.index.length.tolist() == [6] * 4
  for name, length in zip(BOTH, (6, 8), strict=True):
    stored = made(name, 3, length)[list(places[name])]
    np.testing.assert_array_equal(source.read(3)[name], stored)
    read = source.read(3, np.array([4, 1]))[name]
    np.testing.assert_array_equal(read, stored[[4, 1]])
  path.write_text('1\n2\n')
  with pytest.raises(UserError, match=r'names 2 frames, but .*pkl has 8'):
    open_own(tmp_path, BOTH, pair='intersect')
  path.write_text('1\n' * 8)
  with pytest.raises(UserError, match='two frames of the skeletons have'):
    open_own(tmp_path, BOTH, pair='intersect')


def test_frames_without_a_counterpart_are_named():
  lengths, names = (
    {'rgb': 2, 'smpl': 2},
    {'rgb': ['1', '2'], 'smpl': ['3', '4']},
  )
  with pytest.raises(
    UserError, match=r'x: 2 .* and 2 .*, but no frame in common'
  ):
    pairing.pair(lengths, names, 'intersect', 'x')
  names['smpl'] = ['2', '1']
  count, places = pairing.pair(lengths, names, 'exact', 'x')
  assert count == 2 and places.keys() == {'smpl'}
  assert places['smpl'].tolist() == [1, 0]


def test_files_are_told_apart_by_a_pattern(tmp_path):
  for prefix, length in (('02-LiDAR_', 5), ('06-Camera_', 7)):
    arrays = [made('silhouettes', row, length) for row in range(4)]
    write(tmp_path, 'silhouettes', arrays, prefix=prefix)
  assert open_own(tmp_path, ['silhouettes']).index.length.max() == 5
  inputs = {'silhouettes': {'size': (16, 12), 'files': '*Camera*'}}
  dataset = {'name': 'own', 'format': 'opengait', 'root': str(tmp_path)}
  facts = datasets.get('own')
  seen = sizes.of(inputs, facts)
  files = sizes.files(inputs, facts)
  found = opening.open_source(dataset, seen, files=files)
  assert found.index.length.min() == 7
  inputs['silhouettes']['files'] = '*depth*'
  with pytest.raises(UserError, match=r"no pickle fits '\*depth\*' of"):
    opening.open_source(dataset, seen, files=sizes.files(inputs, facts))


def test_a_sequence_that_lacks_a_modality_is_named(tmp_path):
  write_both(tmp_path, (6, 6))
  write(tmp_path, 'smpl', [made('smpl', 0, 6)] * 3, NAMES[:3])
  path = tmp_path.joinpath(*NAMES[3])
  with pytest.raises(
    UserError, match=f'{path}: no pickle is of smpl: .*smpl; .*sil'
  ):
    open_own(tmp_path, ('silhouettes', 'smpl'))


@pytest.mark.parametrize(
  ('inputs', 'name', 'message'),
  [
    ({}, 'own', r'config.inputs is empty'),
    ((), 'own', r'config.inputs is empty'),
    ({'sils': {}}, 'own', "unknown modality 'sils'"),
    ({'depth': {'sise': 3}}, 'own', r"inputs.depth has no field 'sise'"),
    (
      {'smpl': {'size': (85,), 'files': 3}},
      'own',
      'smpl.files is 3; it must be text',
    ),
    ({'depth': 3}, 'own', r'inputs.depth is 3; it must be a dict'),
    ({'depth': {}}, 'own', r'inputs.depth.size is None; .* \(h, w, c\)'),
    ({'depth': {'size': (64, 44)}}, 'own', r'must be \(h, w, c\)'),
    ({'rgb': {'size': (64, 44, 4)}}, 'own', r'must be \(h, w, 3\)'),
    ({'smpl': {'size': (True,)}}, 'own', r'must be \(d\)'),
    ({'keypoints': {}}, 'own', r'must be \(v, 3\)'),
    ({'keypoints': {}}, 'casia_b', 'is a dataset of silhouettes'),
  ],
)
def test_wrong_inputs_are_named(inputs, name, message):
  with pytest.raises(UserError, match=message):
    sizes.of(inputs, datasets.get(name))


def test_joints_say_which_skeleton_it_is():
  own, pose = datasets.get('own'), datasets.get('oumvlp_pose')
  assert sizes.of({'keypoints': {}}, pose) == {'keypoints': (18, 3)}
  assert sizes.skeleton({'keypoints': (18, 3)}, own) == 'openpose18'
  assert sizes.skeleton({'smpl': (85,)}, own) == ''
  with pytest.raises(UserError, match='no skeleton has the 19 joints'):
    sizes.skeleton({'keypoints': (19, 3)}, own)


def test_frames_that_do_not_fit_are_named(tree):
  for name, size in (('depth', (16, 11, 3)), ('smpl', (84,))):
    dataset = {'name': 'own', 'format': 'opengait', 'root': str(tree)}
    with pytest.raises(
      UserError, match=f'{name}.size .* cannot be cut; set it'
    ):
      opening.open_source(dataset, {name: size})
