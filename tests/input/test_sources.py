import pickle
import shutil

import ml_collections
import numpy as np
import pytest

from gaitgs_jax.errors import UserError
from gaitgs_jax.input import pickles, prepared, sources

SIZE = (8, 6)
NAMES = [
  (f'{subject:03d}', condition, view)
  for subject in range(1, 4)
  for condition in ('bg-01', 'nm-01')
  for view in ('000', '090')
]


def frames(row):
  rng = np.random.default_rng(row)
  return rng.integers(0, 255, (row + 3, *SIZE), np.uint8)


def array_source():
  return sources.ArraySource(
    [frames(row) for row in range(len(NAMES))], *zip(*NAMES, strict=True)
  )


def write_tree(root, name='00-silhouettes.pkl'):
  for row, names in enumerate(NAMES):
    folder = root.joinpath(*names)
    folder.mkdir(parents=True)
    (folder / name).write_bytes(pickle.dumps(frames(row)))
  return root


def write_prepared(root):
  """Writes the prepared format with ArrayRecord alone, in three files."""
  tfds = pytest.importorskip('tensorflow_datasets')

  class CasiaB(tfds.core.GeneratorBasedBuilder):
    """A few sequences, the first subject in the test split."""

    VERSION = tfds.core.Version('1.0.0')
    BUILDER_CONFIGS = [tfds.core.BuilderConfig(name='64')]  # noqa: RUF012

    def _info(self):
      return tfds.core.DatasetInfo(
        builder=self,
        features=prepared.features(SIZE),
        disable_shuffling=True,
      )

    def _split_generators(self, dl_manager):
      return {
        'train': self._generate_examples(range(4, 12)),
        'test': self._generate_examples(range(4)),
      }

    def _generate_examples(self, rows):
      for number, row in enumerate(rows):
        names = dict(zip(('subject', 'condition', 'view'), NAMES[row]))  # noqa: B905
        key = prepared.record_key(number, len(rows))
        yield key, {'frames': frames(row), **names}

    def _download_and_prepare(self, *args, **kwargs):
      super()._download_and_prepare(*args, **kwargs)
      index = array_source().index
      splits = {
        'train': index.take(np.arange(4, 12)),
        'test': index.take(np.arange(4)),
      }
      prepared.write_index(self.data_dir, splits, SIZE)

  CasiaB(
    data_dir=root, config='64', file_format='array_record'
  ).download_and_prepare(
    download_config=tfds.download.DownloadConfig(num_shards=3)
  )
  return root


@pytest.fixture(scope='module')
def prepared_root(tmp_path_factory):
  return write_prepared(tmp_path_factory.mktemp('prepared'))


@pytest.fixture(params=['arrays', 'tree', 'prepared', 'ram'])
def source(request, tmp_path):
  if request.param == 'arrays':
    return array_source()
  if request.param == 'tree':
    return sources.OpenGaitSource(write_tree(tmp_path))
  root = request.getfixturevalue('prepared_root')
  opened = sources.PreparedSource(prepared.find(root, 'casia_b', '64'))
  return sources.CachedSource(opened) if request.param == 'ram' else opened


def test_every_source_gives_the_same_sequences(source):
  assert source.size == SIZE
  rows = {source.index.name(row): row for row in range(len(source.index))}
  assert len(rows) == len(NAMES)
  for number, names in enumerate(NAMES):
    row = rows['/'.join(names)]
    expected = frames(number)
    assert source.index.length[row] == len(expected)
    for _ in range(2):  # The second one may come from a cache.
      np.testing.assert_array_equal(source.read(row), expected)
      chosen = np.array([2, 0, 2])
      np.testing.assert_array_equal(source.read(row, chosen), expected[chosen])


def test_prepared_training_sequences_come_first(prepared_root):
  opened = sources.PreparedSource(prepared.find(prepared_root, 'casia_b', '64'))
  assert opened.index.subject.tolist() == (
    ['002'] * 4 + ['003'] * 4 + ['001'] * 4
  )


def test_many_files_raise_the_limit_on_open_ones():
  resource = pytest.importorskip('resource')
  soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
  try:
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
    sources._allow_open_files(90)
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 200
    sources._allow_open_files(150)
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 300
  finally:
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_cache_reads_once():
  class Counting:
    def __init__(self):
      self.index, self.size, self.reads = array_source().index, SIZE, 0

    def read(self, sequence, frames=None):
      self.reads += 1
      return array_source().read(sequence, frames)

  counting = Counting()
  cached = sources.CachedSource(counting)
  for _ in range(3):
    cached.read(np.int64(1), np.array([0]))
  assert counting.reads == 1


def test_of_several_pickles_the_silhouettes_are_read(tmp_path):
  root = write_tree(tmp_path, '01-Silhouette.pkl')
  for folder in root.glob('*/*/*'):
    (folder / '00-pose.pkl').write_bytes(pickle.dumps(np.zeros((2, 17, 3))))
  assert sources.OpenGaitSource(root).size == SIZE
  for folder in root.glob('*/*/*'):
    (folder / '01-Silhouette.pkl').rename(folder / '00-first.pkl')
  assert sources.OpenGaitSource(root).size == SIZE


def test_opening_a_tree_reads_no_frames(tmp_path, monkeypatch):
  root = write_tree(tmp_path)
  for row, file in enumerate(sorted(root.glob('*/*/*/*.pkl'))):
    file.write_bytes(pickle.dumps(frames(row).repeat(20, 0)))
  monkeypatch.delattr(pickles, 'load_array')
  assert len(sources.OpenGaitSource(root).index) == len(NAMES)


def test_bad_trees_are_told(tmp_path):
  def message(match):
    return pytest.raises(UserError, match=match)

  with message('no such folder'):
    sources.OpenGaitSource(tmp_path / 'absent')
  with message('holds no folders'):
    sources.OpenGaitSource(tmp_path)
  root = write_tree(tmp_path / 'tree')
  file = root / '002/nm-01/090/00-silhouettes.pkl'
  content = file.read_bytes()
  file.unlink()
  with message('002/nm-01/090: holds no pickle; is the tree half-copied'):
    sources.OpenGaitSource(root)
  file.parent.rmdir()
  (root / '002/nm-01/000/00-silhouettes.pkl').unlink()
  (root / '002/nm-01/000').rmdir()
  with message('002/nm-01: holds no folders.*half-copied'):
    sources.OpenGaitSource(root)
  file.parent.mkdir()
  file.write_bytes(content[:-9])
  with message(r'00-silhouettes.pkl: is damaged.*gaitgs_jax check --source'):
    sources.OpenGaitSource(root)
  file.write_bytes(pickle.dumps(np.zeros((3, 9, 9), np.uint8)))
  with message('frames are 9x9, but 8x6'):
    sources.OpenGaitSource(root)
  file.write_bytes(pickle.dumps(np.zeros((0, *SIZE), np.uint8)))
  with message(r'has shape \[0, 8, 6\]'):
    sources.OpenGaitSource(root)
  file.write_bytes(pickle.dumps(np.zeros((3, *SIZE), np.float32)))
  opened = sources.OpenGaitSource(root)
  row = [opened.index.name(i) for i in range(11)].index('002/nm-01/090')
  with message('holds float32'):
    opened.read(row)
  file.write_bytes(pickle.dumps(np.zeros((4, *SIZE), np.uint8)))
  with message('has changed'):
    opened.read(row)


def test_bad_arrays_are_told():
  names = [['001'], ['nm-01'], ['000']]
  for bad, match in (
    (np.zeros((3, 4, 5)), 'float64, not uint8'),
    (np.zeros((3, 4), np.uint8), r'shape \[3, 4\]'),
    (np.zeros((0, 4, 4), np.uint8), r'shape \[0, 4, 4\]'),
  ):
    with pytest.raises(UserError, match=f'001/nm-01/000.*{match}'):
      sources.ArraySource([bad], *names)
  with pytest.raises(UserError, match='no sequences'):
    sources.ArraySource([], [], [], [])


def test_a_damaged_record_names_its_sequence(prepared_root, tmp_path):
  root = shutil.copytree(prepared_root, tmp_path / 'copy')
  directory = prepared.find(root, 'casia_b', '64')
  paths = [path for path, _ in prepared.shards(directory, 'test')]
  for path in paths:
    content = bytearray(path.read_bytes())
    content[60:90] = bytes(30)
    path.write_bytes(content)
  opened = sources.PreparedSource(directory)
  with pytest.raises(UserError, match=r'001/bg-01/000: record 0 of .*test'):
    opened.read(8)


def test_a_half_copied_file_is_told_on_opening(prepared_root, tmp_path):
  root = shutil.copytree(prepared_root, tmp_path / 'copy')
  directory = prepared.find(root, 'casia_b', '64')
  path, _ = prepared.shards(directory, 'test')[-1]
  path.write_bytes(path.read_bytes()[:-100])
  with pytest.raises(UserError, match=r'test.* damaged or cut short'):
    sources.PreparedSource(directory)


def test_a_wrong_index_is_noticed(prepared_root, tmp_path):
  root = shutil.copytree(prepared_root, tmp_path / 'copy')
  directory = prepared.find(root, 'casia_b', '64')
  splits, size = prepared.read_index(directory)
  splits['test'] = splits['test'].take(np.array([1, 0, 2, 3]))
  prepared.write_index(directory, splits, size)
  with pytest.raises(UserError, match='is 001/bg-01/000, not 001/bg-01/090'):
    sources.PreparedSource(directory).read(8)


def config(**fields):
  return ml_collections.ConfigDict({'name': 'casia_b', 'size': SIZE, **fields})


def test_config_opens_each_kind(prepared_root, tmp_path):
  root = str(write_tree(tmp_path))
  tree = sources.open_source(config(root=root, format='opengait'))
  assert isinstance(tree, sources.OpenGaitSource)
  made = sources.open_source(config(root=str(prepared_root), variant='64'))
  assert isinstance(made, sources.PreparedSource)
  cut = config(root=root, format='opengait', cache='ram', size=(8, 4))
  assert isinstance(sources.open_source(cut), sources.CachedSource)


@pytest.mark.parametrize(
  ('fields', 'message'),
  [
    ({'name': 'casia'}, "unknown dataset 'casia'"),
    ({'nmae': 'casia_b'}, "no field 'nmae'"),
    ({'format': 'zip'}, "'zip'; choose tfds or opengait"),
    ({'format': 'opengait'}, 'set dataset.root'),
    ({'variant': '65'}, "no variant '65'; choose one of 64, 128"),
    ({'variant': '128'}, 'prepare --dataset=casia_b --variant=128'),
    ({'cache': 'disk', 'variant': '64'}, "'disk'; choose '' or 'ram'"),
    ({'size': (9, 6), 'variant': '64'}, '8x6, from which dataset.size 9x6'),
    ({'size': (8, 8), 'variant': '64'}, 'size 8x8 cannot be cut'),
    ({'size': (8, 5), 'variant': '64'}, 'size 8x5 cannot be cut'),
    (
      {'name': 'synthetic_walkers', 'variant': 'demo'},
      r'prepare --dataset=synthetic_walkers --variant=demo --root=[^ ]*`$',
    ),
  ],
)
def test_bad_configs_are_told(prepared_root, fields, message):
  if fields.get('format') != 'opengait':
    fields = {'root': str(prepared_root), **fields}
  with pytest.raises(UserError, match=message):
    sources.open_source(config(**fields))
