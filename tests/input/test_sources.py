import pickle
import shutil

import ml_collections
import numpy as np
import pytest
import walker_trees

from gaitgs_jax import modalities
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import opening, pickles, prepared, prepared_index, sources
from gaitgs_jax.input.pretreatment import pretreat

SIZE = (8, 6)
SIZES = {'silhouettes': SIZE, 'keypoints': (17, 3)}
NAMES = [
  (f'{subject:03d}', condition, view)
  for subject in range(1, 4)
  for condition in ('bg-01', 'nm-01')
  for view in ('000', '090')
]


def frames(row, modality='silhouettes'):
  rng = np.random.default_rng(row)
  values = rng.integers(0, 255, (row + 3, *SIZES[modality]))
  return values.astype(modalities.get(modality).dtype)


def array_source(modality='silhouettes'):
  values = [frames(row, modality) for row in range(len(NAMES))]
  return sources.ArraySource({modality: values}, *zip(*NAMES, strict=True))


def write_tree(root, name='00-silhouettes.pkl', modality='silhouettes'):
  for row, names in enumerate(NAMES):
    folder = root.joinpath(*names)
    folder.mkdir(parents=True, exist_ok=True)
    values = frames(row, modality)
    if modality == 'keypoints':
      values = values.astype(np.float64)  # As OpenGait writes them.
    (folder / name).write_bytes(pickle.dumps(values))
  return root


def write_prepared(root):
  """Writes the prepared format with ArrayRecord alone, in three files."""
  tfds = pytest.importorskip('tensorflow_datasets')

  # Another test may have imported the real one.
  with tfds.core.registered.skip_registration():

    class CasiaB(tfds.core.GeneratorBasedBuilder):
      """A few sequences, the first subject in the test split."""

      VERSION = tfds.core.Version('1.0.0')
      BUILDER_CONFIGS = [  # noqa: RUF012
        tfds.core.BuilderConfig(name='64'),
        tfds.core.BuilderConfig(name='hrnet'),
      ]

      @property
      def modality(self):
        return (
          'keypoints' if self.builder_config.name == 'hrnet' else 'silhouettes'
        )

      @property
      def shapes(self):
        return {self.modality: SIZES[self.modality]}

      def _info(self):
        return tfds.core.DatasetInfo(
          builder=self,
          features=prepared.features(self.shapes),
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
          values = frames(row, self.modality)
          yield key, {self.modality: values, **names}

      def _download_and_prepare(self, *args, **kwargs):
        super()._download_and_prepare(*args, **kwargs)
        index = array_source().index
        splits = {
          'train': index.take(np.arange(4, 12)),
          'test': index.take(np.arange(4)),
        }
        prepared_index.write(self.data_dir, splits, self.shapes)

  for variant in ('64', 'hrnet'):
    CasiaB(
      data_dir=root, config=variant, file_format='array_record'
    ).download_and_prepare(
      download_config=tfds.download.DownloadConfig(num_shards=3)
    )
  return root


@pytest.fixture(scope='module')
def prepared_root(tmp_path_factory):
  return write_prepared(tmp_path_factory.mktemp('prepared'))


@pytest.fixture(params=SIZES)
def modality(request):
  return request.param


@pytest.fixture(params=['arrays', 'tree', 'prepared', 'ram'])
def source(request, modality, tmp_path):
  if request.param == 'arrays':
    return array_source(modality)
  if request.param == 'tree':
    tree = write_tree(tmp_path, modality=modality)
    return sources.OpenGaitSource(tree, modality)
  root = request.getfixturevalue('prepared_root')
  variant = 'hrnet' if modality == 'keypoints' else '64'
  opened = sources.PreparedSource(prepared.find(root, 'casia_b', variant))
  return sources.CachedSource(opened) if request.param == 'ram' else opened


def test_every_source_gives_the_same_sequences(source, modality):
  assert source.modalities == {modality: SIZES[modality]}
  rows = {source.index.name(row): row for row in range(len(source.index))}
  assert len(rows) == len(NAMES)
  for number, names in enumerate(NAMES):
    row = rows['/'.join(names)]
    expected = frames(number, modality)
    assert source.index.length[row] == len(expected)
    assert source.read(row)[modality].dtype == expected.dtype
    for _ in range(2):  # The second one may come from a cache.
      np.testing.assert_array_equal(source.read(row)[modality], expected)
      chosen = np.array([2, 0, 2])
      np.testing.assert_array_equal(
        source.read(row, chosen)[modality], expected[chosen]
      )


def test_prepared_training_sequences_come_first(prepared_root):
  opened = sources.PreparedSource(prepared.find(prepared_root, 'casia_b', '64'))
  assert opened.index.subject.tolist() == (
    ['002'] * 4 + ['003'] * 4 + ['001'] * 4
  )


def test_the_cache_reads_once():
  class Counting:
    def __init__(self):
      self.index, self.reads = array_source().index, 0
      self.modalities = {'silhouettes': SIZE}

    def read(self, sequence, frames=None):
      self.reads += 1
      return array_source().read(sequence, frames)

  counting = Counting()
  cached = sources.CachedSource(counting)
  for _ in range(3):
    cached.read(np.int64(1), np.array([0]))
  assert counting.reads == 1


@pytest.mark.parametrize(
  'names',
  [
    ('01-Silhouette.pkl', '00-pose.pkl'),
    ('01-Silhouette.pkl', '00-first.pkl'),
    ('02-other.pkl', '01-Camera-Pose.pkl'),
  ],
)
def test_of_several_pickles_those_of_the_modality_are_read(tmp_path, names):
  for name, modality in zip(names, SIZES, strict=True):
    root = write_tree(tmp_path, name, modality)
  for name, size in SIZES.items():
    assert sources.OpenGaitSource(root, name).modalities == {name: size}


def test_opening_a_tree_reads_no_frames(tmp_path, monkeypatch):
  root = write_tree(tmp_path)
  for row, file in enumerate(sorted(root.glob('*/*/*/*.pkl'))):
    file.write_bytes(pickle.dumps(frames(row).repeat(20, 0)))
  monkeypatch.delattr(pickles, 'load_array')
  assert len(sources.OpenGaitSource(root).index) == len(NAMES)


def test_bad_trees_are_told(tmp_path):
  def message(match):
    return pytest.raises(UserError, match=match)

  with message('no such folder; give the folder of a tree'):
    sources.OpenGaitSource(tmp_path / 'absent')
  (tmp_path / 'poses.csv').touch()
  with message('is a file; give the folder of a tree'):
    sources.OpenGaitSource(tmp_path / 'poses.csv')
  with message(r'holds neither folders .*\*\.pkl is expected'):
    sources.OpenGaitSource(tmp_path)
  root = write_tree(tmp_path / 'tree')
  file = root / '002/nm-01/090/00-silhouettes.pkl'
  content = file.read_bytes()
  file.unlink()
  with message('002/nm-01/090: holds neither .*half-copied.*check --source'):
    sources.OpenGaitSource(root)
  file.parent.rmdir()
  (root / '002/nm-01/000/00-silhouettes.pkl').unlink()
  (root / '002/nm-01/000').rmdir()
  with message('002/nm-01: holds neither .*half-copied'):
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
  with message(r'has shape \[.*, 8, 6\], not \[s,v,3\]'):
    sources.OpenGaitSource(root, 'keypoints')
  for file in root.glob('*/*/*/*.pkl'):
    file.write_bytes(pickle.dumps(np.zeros((4, 17, 3), np.uint8)))
  with message(r'holds uint8 \[4, 17, 3\], not float \[s,v,3\]'):
    sources.OpenGaitSource(root, 'keypoints').read(0)


def test_what_is_not_yet_a_tree_says_how_to_make_one(tmp_path):
  def message(match):
    return pytest.raises(UserError, match=match)

  image = np.full((8, 8), 255, np.uint8)
  walker_trees.write_images(tmp_path / 'raw/001/nm-01/090', [image])
  with message('090: holds images, .*pretreat --source=.*raw --out'):
    sources.OpenGaitSource(tmp_path / 'raw')
  walker_trees.write_pickle(tmp_path / 'flat/001/nm-01/a.pkl', image[None])
  with message('holds pickles, 2 folders deep, .*--layout'):
    sources.OpenGaitSource(tmp_path / 'flat')
  walker_trees.write_json(tmp_path / 'json/001/nm-01/090/1.json', [])
  with message('holds json, .*one pickle'):
    sources.OpenGaitSource(tmp_path / 'json')
  root, sizes = str(write_tree(tmp_path / 'tree')), {'silhouettes': (64, 44)}
  config = {'name': 'casia_b', 'root': root}
  with message("is an OpenGait tree, .*set config.dataset.format='opengait'"):
    opening.open_source(config, sizes)
  config = {'name': 'casia_b', 'root': str(tmp_path / 'raw')}
  with message('no prepared casia_b'):
    opening.open_source(config, sizes)
  config = {'name': 'casia_b', 'root': root}
  with message('8x6, from which .*64x44 cannot be cut; .*pretreat --size=64'):
    opening.open_source(config | {'format': 'opengait'}, sizes)


def test_what_systems_leave_behind_is_passed_over(tmp_path):
  root = write_tree(tmp_path / 'tree')
  names = list(map(str, root.glob('*/*/*/*.pkl')))
  for name in ('__MACOSX', '@eaDir', '.DS_Store', '001/nm-01/@eaDir'):
    (root / name / '001').mkdir(parents=True)
  for name in ('Thumbs.db', '.DS_Store', '._00-silhouettes.pkl'):
    (root / '001/nm-01/090' / name).write_bytes(b'not a pickle')
  assert len(sources.OpenGaitSource(root).index) == len(names)


def test_pickles_in_capitals_are_read(tmp_path):
  root = write_tree(tmp_path / 'tree')
  expected = sources.OpenGaitSource(root).read(3)
  for path in root.glob('*/*/*/*.pkl'):
    path.rename(path.with_suffix('.PKL'))
  found = sources.OpenGaitSource(root)
  np.testing.assert_array_equal(
    found.read(3)['silhouettes'], expected['silhouettes']
  )
  assert len(found.index) == len(NAMES)


@pytest.mark.parametrize(
  ('change', 'message'),
  [
    (lambda frames: frames // 255, 'run from 0 to 1, but a person must be 255'),
    (lambda frames: frames // 255 * 15, 'run from 0 to 15'),
    (lambda frames: 255 - frames, 'black people on white'),
  ],
)
def test_a_tree_that_is_not_white_on_black_is_refused(
  tmp_path, change, message
):
  path = tmp_path / '001' / 'nm-01' / '090' / '090.pkl'
  walker_trees.write_pickle(path, change(pretreat(walker_trees.frames('001'))))
  source = sources.OpenGaitSource(tmp_path)
  with pytest.raises(UserError, match=rf'090\.pkl: .*{message}'):
    source.read(0)


def test_prepared_masks_of_0_and_1_are_refused(prepared_root, monkeypatch):
  directory = prepared.find(prepared_root, 'casia_b', '64')
  source = sources.PreparedSource(directory)
  decode = prepared.decode

  def darker(record, layout):
    arrays, texts = decode(record, layout)
    return {'silhouettes': arrays['silhouettes'] // 128}, texts

  monkeypatch.setattr(prepared, 'decode', darker)
  with pytest.raises(UserError, match=r'run from 0 to 1, .* prepare .* again'):
    source.read(0)


def test_bad_arrays_are_told():
  names = [['001'], ['nm-01'], ['000']]
  for bad, match in (
    (np.zeros((3, 4, 5), np.int64), 'int64, not uint8'),
    (np.zeros((3, 4), np.uint8), r'shape \[3, 4\]'),
    (np.zeros((0, 4, 4), np.uint8), r'shape \[0, 4, 4\]'),
  ):
    with pytest.raises(UserError, match=f'001/nm-01/000.*{match}'):
      sources.ArraySource({'silhouettes': [bad]}, *names)
  for bad, match in (
    (np.zeros((3, 4, 3)), 'keypoints are float64, not float32'),
    (np.zeros((3, 4, 5), np.float32), r'shape \[3, 4, 5\], not \[s,v,3\]'),
  ):
    with pytest.raises(UserError, match=match):
      sources.ArraySource({'keypoints': [bad]}, *names)
  with pytest.raises(UserError, match='no sequences'):
    sources.ArraySource({'silhouettes': []}, [], [], [])


def test_a_damaged_record_names_its_sequence(prepared_root, tmp_path):
  root = shutil.copytree(prepared_root, tmp_path / 'copy')
  directory = prepared.find(root, 'casia_b', '64')
  paths = [path for path, _ in prepared.shards(directory, 'test')]
  for path in paths:
    content = bytearray(path.read_bytes())
    content[60:90] = bytes(30)
    path.write_bytes(content)
  opened = sources.PreparedSource(directory)
  with pytest.raises(
    UserError, match=r'001/bg-01/000: .*test.*: record 0 is damaged'
  ):
    opened.read(8)


@pytest.mark.parametrize('value', [np.nan, np.inf, -1e30])
def test_a_joint_that_overflows_names_its_file(tmp_path, value):
  root = write_tree(tmp_path, modality='keypoints')
  path = root / '002/bg-01/090/00-silhouettes.pkl'
  values = pickle.loads(path.read_bytes())
  values[1, 3, 0] = value
  path.write_bytes(pickle.dumps(values))
  source = sources.OpenGaitSource(root, 'keypoints')
  row = NAMES.index(('002', 'bg-01', '090'))
  match = f'{path}: (not finite|too large): left_ear of frame 1 is'
  with pytest.raises(UserError, match=match):
    source.read(row)
  read = source.read(row + 1)['keypoints']
  assert len(read) == source.index.length[row + 1]


def test_a_joint_that_overflows_names_its_record(prepared_root, monkeypatch):
  source = sources.PreparedSource(
    prepared.find(prepared_root, 'casia_b', 'hrnet')
  )
  decode = prepared.decode

  def overflow(record, layout):
    arrays, texts = decode(record, layout)
    nan = np.where(np.arange(3) == 2, np.float32('nan'), arrays['keypoints'])
    return {'keypoints': nan}, texts

  monkeypatch.setattr(prepared, 'decode', overflow)
  with pytest.raises(UserError, match=r'002/.* \(record 0 of .*: not finite'):
    source.read(0)


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
  splits, layout = prepared_index.read(directory)
  splits['test'] = splits['test'].take(np.array([1, 0, 2, 3]))
  prepared_index.write(directory, splits, layout)
  with pytest.raises(UserError, match='is 001/bg-01/000, not 001/bg-01/090'):
    sources.PreparedSource(directory).read(8)


def config(**fields):
  return ml_collections.ConfigDict({'name': 'casia_b', **fields})


def open_config(size=SIZE, modality='silhouettes', **fields):
  return opening.open_source(config(**fields), {modality: size})


def test_config_opens_each_kind(prepared_root, tmp_path):
  root = str(write_tree(tmp_path))
  tree = open_config(root=root, format='opengait')
  assert isinstance(tree, sources.OpenGaitSource)
  made = open_config(root=str(prepared_root), variant='64')
  assert isinstance(made, sources.PreparedSource)
  cut = open_config(root=root, format='opengait', cache='ram', size=(8, 4))
  assert isinstance(cut, sources.CachedSource)


def test_config_opens_skeletons_of_a_dataset_of_skeletons(tmp_path):
  write_tree(tmp_path)
  root = write_tree(tmp_path, '1-pose.pkl', 'keypoints')
  fields = {'root': str(root), 'format': 'opengait', 'modality': 'keypoints'}
  opened = open_config((17, 3), **fields, name='casia_b_pose')
  assert opened.modalities == {'keypoints': (17, 3)}
  with pytest.raises(UserError, match=r'17 joints; .*set it to \(17, 3\)'):
    open_config((18, 3), **fields, name='casia_b_pose')
  with pytest.raises(UserError, match=r'17 joints, but .* 18 \(openpose18\)'):
    open_config((18, 3), **fields, name='oumvlp_pose')


@pytest.mark.parametrize(
  ('fields', 'message'),
  [
    ({'name': 'casia'}, "unknown dataset 'casia'"),
    ({'nmae': 'casia_b'}, "no field 'nmae'"),
    ({'format': 'zip'}, "'zip'.*choose one of '', tfds, opengait"),
    ({'format': 'opengait'}, 'set config.dataset.root'),
    ({'variant': '65'}, "no variant '65'; choose one of 64, 128"),
    ({'variant': '128'}, 'prepare --dataset=casia_b --variant=128'),
    ({'cache': 'disk', 'variant': '64'}, "'disk'; choose one of '', ram"),
    ({'size': (9, 6), 'variant': '64'}, '8x6, from which .*size 9x6'),
    ({'size': (8, 8), 'variant': '64'}, 'size 8x8 cannot be cut'),
    ({'size': (8, 5), 'variant': '64'}, 'size 8x5 cannot be cut'),
    (
      {'name': 'synthetic_walkers', 'variant': 'demo'},
      r'prepare --dataset=synthetic_walkers --variant=demo --root=[^ ]*`$',
    ),
    (
      {'name': 'casia_b_pose', 'size': (17, 3), 'modality': 'keypoints'},
      'prepare --dataset=casia_b_pose --variant=hrnet --source=PATH',
    ),
  ],
)
def test_bad_configs_are_told(prepared_root, fields, message):
  if fields.get('format') != 'opengait':
    fields = {'root': str(prepared_root), **fields}
  with pytest.raises(UserError, match=message):
    open_config(**fields)
