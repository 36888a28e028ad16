import json
import math
import os
import shutil

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from gaitgs_jax import modalities, models
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import (
  augment,
  datasets,
  drawn,
  pipeline,
  prepared,
  prepared_index,
  sizes,
  sources,
)
from gaitgs_jax.input.index import make

tfds = pytest.importorskip('tensorflow_datasets')
LAYOUTS = {
  'silhouettes': {'silhouettes': (16, 12)},
  'keypoints': {'keypoints': (17, 3)},
  'both': {'silhouettes': (16, 12), 'keypoints': (17, 3)},
  'all': {
    'silhouettes': (16, 12),
    'heatmaps': (16, 12, 2),
    'keypoints': (17, 3),
    'parsing': (16, 12),
    'depth': (16, 12, 3),
    'rgb': (16, 12, 3),
    'smpl': (85,),
    'points': (32, 3),
    'features': (24,),
  },
}


# Largest values of labels, and of confidences.
_TOPS = {'parsing': 64, 'keypoints': 2}


class Walks(tfds.core.GeneratorBasedBuilder):
  """Eleven training and two test sequences, written as builders do."""

  VERSION = tfds.core.Version('1.2.0')
  BUILDER_CONFIGS = [  # noqa: RUF012
    tfds.core.BuilderConfig(name=name) for name in (*LAYOUTS, 'old')
  ]

  @property
  def layout(self):
    return LAYOUTS.get(self.builder_config.name, LAYOUTS['silhouettes'])

  def _named(self, fields):
    # Before there were several modalities, silhouettes were called frames.
    old = {'silhouettes': 'frames'} if self.builder_config.name == 'old' else {}
    return {old.get(name, name): value for name, value in fields.items()}

  def _info(self):
    features = prepared.features(self.layout)
    return tfds.core.DatasetInfo(
      builder=self,
      features=tfds.features.FeaturesDict(self._named(dict(features))),
      disable_shuffling=True,
    )

  def _split_generators(self, dl_manager):
    return {
      'train': self._generate_examples(11, 0),
      'test': self._generate_examples(2, 11),
    }

  def _generate_examples(self, total, first):
    for i in range(total):
      fields = self._named(example(first + i, self.layout))
      yield prepared.record_key(i, total), fields


def example(i, layout):
  rng = np.random.default_rng(i)
  arrays = {
    name: rng.integers(0, _TOPS.get(name, 256), (i % 5 + 1, *frame)).astype(
      modalities.get(name).dtype
    )
    for name, frame in layout.items()
  }
  if 'points' in layout:  # Frames have 10 to 31 of at most 32.
    counts = rng.integers(10, 32, len(arrays['points']))
    arrays['points'][np.arange(32) >= counts[:, None]] = np.nan
  return {
    **arrays,
    'subject': f'{i // 4:03d}',
    'condition': 'nm-01',
    'view': f'{18 * (i % 4):03d}',
  }


def index(numbers):
  rows = [example(i, LAYOUTS['silhouettes']) for i in numbers]
  return make(
    (e['subject'], e['condition'], e['view'], len(e['silhouettes']))
    for e in rows
  )


def same(left, right):
  assert list(zip(left.subject, left.view, left.length, strict=True)) == list(
    zip(right.subject, right.view, right.length, strict=True)
  )


@pytest.fixture(scope='module')
def root(tmp_path_factory):
  root = tmp_path_factory.mktemp('prepared')
  for name in (*LAYOUTS, 'old'):
    Walks(
      data_dir=root, config=name, file_format='array_record'
    ).download_and_prepare()
  return root


@pytest.fixture(params=LAYOUTS)
def layout(request):
  return LAYOUTS[request.param]


@pytest.fixture
def directory(root, tmp_path, layout):
  name = next(name for name, each in LAYOUTS.items() if each == layout)
  folder = root / 'walks' / name / '1.2.0'
  return shutil.copytree(folder, tmp_path / '1.2.0')


def test_every_modality_is_stored_in_one_of_the_datasets():
  assert LAYOUTS['all'].keys() == modalities.MODALITIES.keys()


class Mean(nnx.Module):
  """Takes any modalities, by the means over the frames that are there."""

  def __init__(self, sizes, rngs):
    self.layers = nnx.Dict(
      {
        name: nnx.Linear(math.prod(size), 4, rngs=rngs)
        for name, size in sizes.items()
      }
    )

  def __call__(self, inputs, mask=None, *, train=False, key=None):
    if len(self.layers) == 1:
      inputs = dict.fromkeys(self.layers, inputs)
    there = mask[..., None].astype(jnp.float32)
    x = jnp.stack(
      [
        layer((inputs[name].reshape(*mask.shape, -1) * there).sum(1))
        for name, layer in self.layers.items()
      ],
      axis=1,
    )
    return models.GaitOutput(x, x, None, {})


@pytest.mark.parametrize('name', [*LAYOUTS['all'], 'all'])
def test_every_modality_of_a_prepared_dataset_reaches_a_model(
  root, tmp_path, name
):
  names = list(LAYOUTS['all']) if name == 'all' else [name]
  seen = {each: LAYOUTS['all'][each] for each in names}
  seen |= {'points': (20, 3)} if 'points' in seen else {}
  folder = root / 'walks' / 'all' / '1.2.0'
  folder = shutil.copytree(folder, tmp_path / '1.2.0')
  source = sources.PreparedSource(folder, names)
  sizes.check(source.modalities, seen, datasets.get('own'))
  source = drawn.drawn(source, seen)
  fields = {'subjects': 2, 'sequences': 3, 'frames': 4}
  options = {'dataset': datasets.get('own'), 'backend': 'threads'}
  rows = np.arange(11)
  training = pipeline.train_batches(source, rows, fields, seed=0, **options)
  tested = pipeline.evaluation_batches(source, rows, 60, **options)
  model = Mean(seen, nnx.Rngs(0))
  for batch in (next(training), next(tested)):
    for each, size in seen.items():
      assert batch[each].shape == (*batch['mask'].shape, *size)
      assert batch[each].dtype == modalities.get(each).dtype
      for row, mask, got in zip(
        batch['sequence'], batch['mask'], batch[each], strict=True
      ):
        if each != 'points' and row >= 0:
          stored = example(row, LAYOUTS['all'])[each]
          assert all(
            (frame == stored).reshape(len(stored), -1).all(1).any()
            for frame in got[mask]
          )
    inputs = augment.inputs(batch, seen)
    if name == 'parsing':  # Labels are numbers, not parts of 255.
      assert set(np.unique(inputs)) <= set(range(64)) and inputs.max() > 9
    output = model(inputs, jnp.asarray(batch['mask']))
    assert output.embedding.shape == (len(batch['mask']), len(names), 4)
    assert np.isfinite(output.embedding).all()


def test_a_record_decodes_to_what_was_written(directory, layout):
  (path, count), *_ = prepared.shards(directory, 'train')
  assert count == 11
  reader = prepared.open_reader(path, count)
  for i in range(count):
    arrays, texts = prepared.decode(reader.read([i])[0], layout)
    expected = example(i, layout)
    assert arrays.keys() == layout.keys()
    for name, values in arrays.items():
      assert values.dtype == expected[name].dtype
      np.testing.assert_array_equal(values, expected.pop(name))
    assert texts == expected


def test_the_index_is_written_read_and_made_again(directory, layout, capsys):
  splits, found = prepared_index.read(directory)
  assert found == layout
  same(splits['train'], index(range(11)))
  same(splits['test'], index(range(11, 13)))
  assert 'reading every record' in capsys.readouterr().err
  # The index was kept.
  again, found = prepared_index.read(directory)
  assert found == layout
  same(again['train'], splits['train'])
  assert not capsys.readouterr().err


@pytest.mark.parametrize('has_key', [True, False])
def test_a_dataset_of_an_earlier_version_is_read(
  root, tmp_path, has_key, capsys
):
  folder = root / 'walks' / 'old' / '1.2.0'
  directory = shutil.copytree(folder, tmp_path / '1.2.0')
  layout = LAYOUTS['silhouettes']
  assert prepared_index.read(directory)[1] == layout
  capsys.readouterr()
  path = directory / prepared_index.INDEX_FILE
  with np.load(path) as arrays:
    old = {name: arrays[name] for name in arrays.files if '/' in name}
  old = {name: old[name] for name in old if not name.startswith('frame/')}
  old['size'] = np.array([16, 12], np.int32)
  if has_key:
    old['key'] = np.array('frames')
  np.savez(path, **old)
  splits, found = prepared_index.read(directory)
  assert found == layout and not capsys.readouterr().err
  same(splits['train'], index(range(11)))
  (path, count), *_ = prepared.shards(directory, 'train')
  record = prepared.open_reader(path, count).read([3])[0]
  arrays, _ = prepared.decode(record, layout)
  expected = example(3, layout)['silhouettes']
  np.testing.assert_array_equal(arrays['silhouettes'], expected)


@pytest.mark.parametrize('damage', ['stale', 'cut'])
def test_a_wrong_index_is_made_again(directory, layout, capsys, damage):
  path = prepared_index.write(directory, {'train': index(range(3))}, layout)
  if damage == 'cut':
    path.write_bytes(path.read_bytes()[:50])
  splits, _ = prepared_index.read(directory)
  same(splits['train'], index(range(11)))
  assert 'cannot be used' in capsys.readouterr().err


def test_records_of_large_splits_keep_their_order_across_buckets():
  from tensorflow_datasets.core import shuffle

  keys = [prepared.record_key(i, 5000) for i in range(5000)]
  assert keys == sorted(set(keys)) and max(keys) < 2**128
  buckets = [shuffle.get_bucket_number(key, 1000) for key in keys]
  assert np.bincount(buckets).tolist() == [5] * 1000


def test_find_takes_the_newest_version(tmp_path):
  for version in ('1.9.0', '1.10.0', '1.2.0', '2.0.0.incompleteX'):
    folder = tmp_path / 'walks' / '64' / version
    folder.mkdir(parents=True)
    (folder / 'dataset_info.json').write_text('{}')
  assert prepared.find(tmp_path, 'walks', '64').name == '1.10.0'
  assert prepared.find(tmp_path, 'walks', '128') is None


def test_a_half_copied_dataset_is_named(directory):
  next(directory.glob('*train*')).unlink()
  with pytest.raises(UserError, match='half-copied'):
    prepared.shards(directory, 'train')
  (directory / 'dataset_info.json').unlink()
  with pytest.raises(UserError, match='no prepared dataset'):
    prepared_index.read(directory)


def test_another_dataset_of_tfds_is_refused(directory, layout):
  path = directory / 'features.json'
  content = json.loads(path.read_text())
  for name in layout:
    del content['featuresDict']['features'][name]
  path.write_text(json.dumps(content))
  with pytest.raises(UserError, match='not in the prepared format'):
    prepared_index.read(directory)


def test_another_file_format_is_told(directory):
  path = directory / 'dataset_info.json'
  path.write_text(path.read_text().replace('"array_record"', '"tfrecord"'))
  with pytest.raises(UserError, match='are tfrecord, not array_record'):
    prepared_index.read(directory)


def test_a_damaged_record_is_an_error(directory, layout):
  (path, _), *_ = prepared.shards(directory, 'test')
  record = prepared.open_reader(path, 2).read([0])[0]
  for bad in (record[:-7], record[5:], b'\x00' * 40, b''):
    with pytest.raises(ValueError, match=r'record|reshape|buffer'):
      prepared.decode(bad, layout)


def test_a_damaged_file_is_named(directory):
  (path, count), *_ = prepared.shards(directory, 'train')
  content = path.read_bytes()
  for bad in (b'nothing', content[: len(content) // 2]):
    path.write_bytes(bad)
    with pytest.raises(UserError, match='damaged'):
      prepared.open_reader(path, count)


def lose_a_split(arrays):
  del arrays['test/length']


def lose_texts(arrays):
  arrays['test/view'] = np.zeros(2, np.int32)


def name_a_terminal(arrays):
  arrays['test/view'] = np.array(['\x1b[2J', '090'])


def swap_the_axes(arrays):
  arrays['frame/silhouettes'] = arrays['frame/silhouettes'][::-1]


def count_backwards(arrays):
  arrays['test/length'] = -arrays['test/length']


@pytest.mark.parametrize('layout', ['silhouettes'], indirect=True)
@pytest.mark.parametrize(
  'change',
  [lose_a_split, lose_texts, name_a_terminal, swap_the_axes, count_backwards],
)
def test_an_index_that_says_something_else_is_made_again(
  directory, layout, capsys, change
):
  before, _ = prepared_index.read(directory)
  path = directory / prepared_index.INDEX_FILE
  with np.load(path) as arrays:
    changed = {name: arrays[name] for name in arrays.files}
  change(changed)
  np.savez(path, **changed)
  capsys.readouterr()
  after, found = prepared_index.read(directory)
  assert found == layout
  for split in ('train', 'test'):
    same(after[split], before[split])
  assert f'{path}: cannot be used (' in capsys.readouterr().err


@pytest.mark.parametrize('layout', ['both'], indirect=True)
def test_no_bit_of_an_index_loses_a_sequence(directory, layout, monkeypatch):
  before, _ = prepared_index.read(directory)
  path = directory / prepared_index.INDEX_FILE
  whole = path.read_bytes()
  scanned = []

  def scan(folder):
    scanned.append(folder)
    return before, layout

  monkeypatch.setattr(prepared_index, '_scan', scan)
  for place in range(0, len(whole), 7):
    damaged = bytearray(whole)
    damaged[place] ^= 1 << place % 8
    path.write_bytes(damaged)
    after, found = prepared_index.read(directory)
    assert found == layout
    for split in ('train', 'test'):
      same(after[split], before[split])
  # The others were in what nobody reads, such as times.
  assert len(scanned) > len(whole) / 7 / 2


@pytest.mark.parametrize('layout', ['silhouettes'], indirect=True)
def test_a_damaged_record_is_named_where_the_index_is_made(directory, layout):
  (path, _), *_ = prepared.shards(directory, 'test')
  content = bytearray(path.read_bytes())
  content[60:90] = bytes(30)
  path.write_bytes(content)
  with pytest.raises(UserError, match=f'{path}: record 0 is damaged'):
    prepared_index.read(directory)


@pytest.mark.parametrize('layout', ['silhouettes'], indirect=True)
@pytest.mark.parametrize(
  ('name', 'old', 'new'),
  [
    ('dataset_info.json', '"11"', '"-11"'),
    ('dataset_info.json', '"11"', '11.5'),
    ('dataset_info.json', '"11"', '1e400'),
    ('dataset_info.json', '"11"', '[[11]]'),
    ('dataset_info.json', '"shardLengths"', '"lengths"'),
    ('dataset_info.json', '"name": "train"', '"name": ["train"]'),
    ('dataset_info.json', None, '[' * 1_000_000),
    ('dataset_info.json', None, '[]'),
    ('features.json', '"16"', '"0"'),
    ('features.json', '"16"', '"-1"'),
    ('features.json', '"16"', '1' * 40),
    ('features.json', '"16"', '64.5'),
    ('features.json', '"featuresDict"', '"features"'),
    ('features.json', None, '{"featuresDict": {"features": "keypoints"}}'),
    ('features.json', None, '[' * 1_000_000),
  ],
)
def test_odd_facts_on_a_dataset_are_named(directory, layout, name, old, new):
  path = directory / name
  text = path.read_text()
  assert old is None or old in text
  path.write_text(new if old is None else text.replace(old, new))
  with pytest.raises(UserError, match=name) as error:
    prepared_index.read(directory)
  assert len(str(error.value)) < 700


@pytest.mark.parametrize('layout', ['silhouettes'], indirect=True)
def test_a_split_that_only_files_know_of_is_named(directory):
  path = directory / 'dataset_info.json'
  path.write_text(path.read_text().replace('"test"', '"tset"'))
  with pytest.raises(UserError, match="no records of 'test', but there are"):
    prepared_index.read(directory)


@pytest.mark.parametrize('layout', ['silhouettes'], indirect=True)
def test_a_pipe_in_place_of_the_index_stays(directory, capsys):
  path = directory / prepared_index.INDEX_FILE
  os.mkfifo(path)
  splits, _ = prepared_index.read(directory)
  same(splits['train'], index(range(11)))
  assert 'index not kept' in capsys.readouterr().err
