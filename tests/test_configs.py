import importlib.util
import pathlib
import re

import jax
import jax.numpy as jnp
import pytest

from gaitgs_jax import losses, models
from gaitgs_jax.apps import config_file
from gaitgs_jax.evaluation import protocols
from gaitgs_jax.input import augment, datasets, partitions, sampling
from gaitgs_jax.training import (
  facts,
  meanings,
  meshes,
  paths,
  preprocessing,
  settings,
  setup,
)

# Training people of datasets whose list only the authors publish.
PEOPLE = {'gait3d': 3000, 'scoliosis1k': 745, 'sustech1k': 250}
FOLDER = pathlib.Path(__file__).parents[1] / 'configs'
NAMES = config_file.names()


def _load(name):
  path = FOLDER / f'{name}.py'
  spec = importlib.util.spec_from_file_location(f'{name}_config', path)
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  return module


def _config(name):
  config = _load(name).get_config()
  # The strict promotion of the tests is at odds with mixed precision.
  config.model.dtype = 'float32'
  return config


def _parameters(config):
  mesh = meshes.create(1)
  _, params, _ = setup.describe_model(facts.of_dataset(config), mesh)
  return sum(leaf.size for leaf in jax.tree.leaves(params))


@pytest.fixture(autouse=True)
def lists_of_authors(monkeypatch):
  """Puts names in the place of lists of people that are not published here."""
  load = partitions.load_partition

  def load_any(dataset):
    found = datasets.get(dataset['name'])
    if not found.split_at or dataset['partition']:
      return load(dataset)
    people = PEOPLE[found.people or found.name]
    return partitions.Partition(tuple(map(str, range(people))), ())

  monkeypatch.setattr(partitions, 'load_partition', load_any)


@pytest.mark.parametrize('name', NAMES)
def test_every_part_of_a_config_is_known(name):
  config = _load(name).get_config()
  settings.check(config)
  protocols.get_protocol(config.evaluation.protocol)
  assert not {*config.model} & {*models.FACTS}
  assert set(config.losses) <= set(losses.LOSSES)
  setup.create_losses(config)
  _, rate = setup.create_optimizer(config)
  # One cycle is at its peak when three tenths are done, or `rise`.
  steps = (
    config.schedule.get('warmup_steps', 0),
    round(config.schedule.get('rise', 0.3) * config.total_steps) - 1,
  )
  peak = max(float(rate(step)) for step in steps)
  assert peak == pytest.approx(config.optimizer.learning_rate, rel=0.02)
  assert sampling.batch_spec(config.batch).rows % 2 == 0
  assert config.batch.frames >= 3
  assert all(
    b < config.total_steps for b in config.schedule.get('boundaries', ())
  )


@pytest.mark.parametrize('name', NAMES)
def test_no_field_of_a_config_is_left_to_a_default(name):
  config = _load(name).get_config()
  for path in meanings.MEANINGS:
    *sections, field = path.split('.')
    # Sections that a config may do without.
    optional = {'gallery', 'mixture', 'others', 'published'} - {*config}
    if path.split('.')[0] not in optional:
      section = config[sections[0]] if sections else config
      assert field in section, path


@pytest.mark.parametrize('name', NAMES)
def test_a_skeleton_model_fits_its_data(name):
  config = _load(name).get_config()
  built = facts.of_dataset(config)
  seen = preprocessing.skeleton_seen(config)
  assert built.model.get('skeleton', '') == seen
  assert seen == preprocessing.skeleton_seen(config, training=False)
  assert config.dataset.variant in (
    '',
    *datasets.get(config.dataset.name).variants,
  )
  augment.create(config.augment, skeleton=seen)
  augment.create(config.evaluation.transform, skeleton=seen, random=False)


def test_oumvlp_skeletons_are_of_either_detector():
  module = _load('gaitgraph2_oumvlp')
  assert module.get_config().dataset.variant == 'alphapose'
  assert module.get_config('openpose').dataset.variant == 'openpose'


def test_oumvlp_skeletons_are_averaged_as_released():
  # PyTorch Lightning's callback with its defaults, for 750 epochs.
  config = _load('gaitgraph2_oumvlp').get_config()
  epoch = config.average.every
  optimizer, rate = setup.create_optimizer(config)
  before, held, last = (float(rate(n * epoch)) for n in (598, 599, 749))
  assert before > held == last
  params = {'w': jnp.zeros(())}
  state = optimizer.init(params)
  means = []
  for epochs in (598, 599, 600, 749, 750):
    here = state[-1]._replace(updates=jnp.int32(epochs * epoch))
    _, (_, after) = optimizer.update(
      params, (state[0], here), {'w': jnp.ones(())}
    )
    means.append(float(after.mean['w']))
  # What each weighs in the mean when it is counted.
  assert means == pytest.approx([0, 1, 1 / 2, 1 / 151, 1 / 152])
  assert config.total_steps == 750 * epoch
  assert config.average.statistics_steps == epoch


@pytest.mark.parametrize('name', NAMES)
def test_the_docstring_holds_paper_cost_result_and_command(name):
  text = ' '.join(_load(name).__doc__.replace('\\\n', ' ').split())
  for part in (' Paper: ', ' Cost: ', ' Expected: '):
    assert part in text
  assert f'--config=configs/{name}.py --workdir=runs/{name}' in text
  assert 'https://' in text


@pytest.mark.parametrize(
  'name, count',
  [
    ('casia_b', 11_844_577),
    ('casia_b_128', 11_844_577),
    ('oumvlp', 115_186_017),
    ('cstl_casia_b', 9_091_232),
    ('cstl_casia_b_128', 17_933_216),
    ('cstl_oumvlp', 9_091_232 + 128 * (5153 - 73)),
    ('gaitbase_casia_b', 7_305_408),
    ('gaitbase_oumvlp', 7_305_408 + 16 * 256 * (5153 - 74)),
    ('gaitgl_casia_b', 3_096_673),
    ('gaitgl_oumvlp', 95_620_449),
    ('gaitgl_bnneck_grew', 338_905_953),
    ('gln_phase1_casia_b', 14_703_904 - 6_161_920),
    ('gln_phase2_casia_b', 14_703_904),
    ('gaitpart_casia_b', 1_204_000),
    ('gaitpart_oumvlp', 4_841_248),
    ('gaitset_casia_b', 2_594_592),
    ('gaitset_oumvlp', 6_313_536),
    ('deepgaitv2_casia_b', 8_339_392),
    ('deepgaitv2_gait3d', 25_492_160),
    ('deepgaitv2_ccpg', 8_339_392 + 16 * 256 * (100 - 74)),
    ('skeletongait_grew', 25_492_736 + 16 * 256 * (20_000 - 3_000)),
    ('skeletongaitpp_gait3d', 25_568_608),
    ('swingait_grew', 25_539_136 + 16 * 256 * (20_000 - 3_000)),
    ('skeletongait_oumvlp', 8_339_392 + 576 + 16 * 256 * (5153 - 74)),
    ('deepgaitv2_oumvlp', 8_339_392 + 16 * 256 * (5153 - 74)),
    ('sconet_scoliosis1k', 7_014_592),
    ('lidargait_sustech1k', 8_027_456),
    ('parsinggait_gait3d_parsing', 24_323_781),
    ('gaitgraph_casia_b', 319_530),
    ('gaitgraph2_casia_b', 255_782),
    ('gaitgraph2_oumvlp', 765_278),
    ('gaittr_casia_b', 512_010),
    ('gaittr_oumvlp', 545_458),
    ('gpgait_casia_b', 3_654_810),
    ('gpgait_oumvlp', 32_479_008),
    ('gpgaitpp_casia_b', 5_227_539),
    ('gpgaitpp_oumvlp', 36_561_227),
  ],
)
def test_published_models_have_their_published_size(name, count):
  config = _config(name)
  assert _parameters(config) == count


@pytest.mark.parametrize('name', NAMES)
def test_the_identity_head_has_a_class_for_every_training_subject(name):
  config = _load(name).get_config()
  if 'num_classes' not in models.facts(config.model_name):
    return
  partition = partitions.load_partition(config.dataset)
  built = facts.of_dataset(config)
  classes = built.model.get('num_classes', len(partition.train))
  assert classes == len(partition.train)
  assert ('num_classes' in built.model) == losses.reads_logits(config.losses)


def test_the_identity_head_is_split_over_model():
  config = _config('oumvlp')
  # 5,153 classes do not divide; 20,000, as in GREW, do.
  for classes, shard in ((5153, (64, 256, 5153)), (20_000, (64, 256, 5000))):
    config.model.num_classes = classes
    _, state = setup.describe_state(config, meshes.create(2, 4))
    for name, leaf in paths.flatten(state).items():
      if name.endswith('identity/kernel'):
        assert leaf.sharding.shard_shape(leaf.shape) == shard


def _rows_of_checkpoints():
  page = FOLDER.parent / 'docs' / 'checkpoints.md'
  cells = [
    [cell.strip() for cell in line.strip('|').split('|')]
    for line in page.read_text().splitlines()
    if line.startswith('| `')
  ]
  return [(*row, found) for row in cells for found in _names_of(row[1])]


def _names_of(cell):
  return re.findall(r'`(\w+)\.py`', cell)


@pytest.mark.parametrize(
  'path, configs, embedding, figures, name', _rows_of_checkpoints()
)
def test_a_checkpoint_has_the_figures_of_its_config(
  path, configs, embedding, figures, name
):
  config = _load(name).get_config()
  shown = {float(each) for each in re.findall(r'\d+\.\d+', figures)}
  claimed = {
    value
    for key, value in config.published.numbers.items()
    if '/' not in key or key.split('/')[0] in ('NM', 'Overall')
  }
  several = len(_names_of(configs))
  near = {x for x in shown if any(abs(x - y) < 0.051 for y in claimed)}
  assert near
  assert len(shown) == len(near) * several
  neck = config.model.get('behind_neck')
  if 'neck' not in embedding and config.model_name != 'gln':
    behind = bool(neck) or config.model_name == 'gaitgl'
    assert embedding == ('behind' if behind else 'before'), path
