"""Evaluations on other data, and with a gallery of another sensor."""

import json

import numpy as np
import pytest
from training import tiny

from gaitgs_jax.apps import overrides
from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import result_files
from gaitgs_jax.training import elsewhere, evaluating, loop, settings


@pytest.fixture(scope='module')
def second(tmp_path_factory):
  """Another tree, whose pickles are called otherwise."""
  root = tmp_path_factory.mktemp('other') / 'tree'
  tiny.write_tree(root)
  for path in root.glob('*/*/*/*.pkl'):
    frames = np.load(path, allow_pickle=True)
    (255 - frames).dump(path.with_name('lidar.pkl'))
  return root


def test_one_checkpoint_on_several_datasets(config, second, tmp_path, capsys):
  config.evaluation.every_steps = 100
  loop.train(config, tmp_path)
  capsys.readouterr()
  config.others = dict(
    theirs=dict(
      dataset=dict(
        name='own',
        root=str(second),
        format='opengait',
        partition=f'{second}.json',
      ),
      protocol='casia_b_cross_view',
    )
  )
  config.gallery = dict(inputs=dict(silhouettes=dict(files='lidar*')))
  config.gallery.dataset = dict(root=str(second))
  evaluating.evaluate(config, tmp_path)
  out = capsys.readouterr().out
  table = out[out.rindex('%  ') :].splitlines()
  rows = [line.split() for line in table[1:] if line]
  assert ['casia_b', 'casia_b_across', 'NM'] in [row[:3] for row in rows]
  assert ['theirs', 'casia_b_cross_view', 'NM'] in [row[:3] for row in rows]
  saved = [
    result_files.load(path) for path in (tmp_path / 'evaluation').glob('*.json')
  ]
  told = {(each.meta['dataset'], each.meta['protocol']) for each in saved}
  assert told == {
    ('casia_b', 'casia_b'),
    ('casia_b', 'casia_b_across'),
    ('own', 'casia_b_cross_view'),
  }
  # The gallery of the other sensor has the same walks: 2 subjects, 2 views.
  (across,) = [each for each in saved if 'across' in each.meta['protocol']]
  assert across.result['NM/probes'] == 4


def test_datasets_of_one_name_and_protocol_are_all_kept(
  config, second, tmp_path
):
  config.evaluation.every_steps, config.total_steps = 100, 2
  loop.train(config, tmp_path)
  config.others = {
    label: dict(dataset=dict(root=str(second)), inputs=inputs)
    for label, inputs in (
      ('dark', {}),
      ('lidar', dict(silhouettes=dict(files='lidar*'))),
    )
  }
  for _ in range(2):  # Again each takes its own place.
    evaluating.evaluate(config, tmp_path)
    found = (tmp_path / 'evaluation').glob('*.json')
    told = [result_files.load(path).meta['others'] for path in found]
    assert sorted(told) == ['', 'dark', 'lidar']


def test_what_differs(config):
  config.gallery = dict(dataset=dict(root='x'))
  changed = elsewhere.gallery(config)
  assert changed.dataset.root == 'x'
  assert changed.dataset.format == 'opengait'
  assert 'gallery' not in changed
  # Of another dataset nothing of where this one lies is taken over.
  config.others = dict(a=dict(dataset=dict(name='oumvlp')))
  (_, same), (label, other) = elsewhere.every(config)
  assert same is config
  assert (label, other.dataset.name, other.dataset.root) == ('a', 'oumvlp', '')
  settings.check(config)
  config.gallery = dict()
  with pytest.raises(UserError, match=r'config\.gallery changes nothing'):
    elsewhere.gallery(config)


@pytest.mark.parametrize(
  'section, message',
  [
    (dict(gallery=dict(datset=dict())), "'datset'.*did you mean 'dataset'"),
    (dict(others=dict(a=3)), r'config.others.a is 3; it must be a section'),
    (dict(others=3), r'config.others is 3; it must be a section'),
    (
      dict(others=dict(a=dict(protocol=3))),
      r'config.others.a.protocol is 3; it must be text',
    ),
  ],
)
def test_a_wrong_section_is_told(config, section, message):
  config.update(section)
  with pytest.raises(UserError, match=message):
    settings.check(config)


def test_the_shell_sets_them(config):
  words = [
    '--config.others.theirs.dataset.name=oumvlp',
    '--config.others.theirs.protocol=oumvlp',
    '--config.gallery.inputs.silhouettes.files=lidar*',
  ]
  overrides.make_room(config, words)
  assert set(config.others.theirs) == {'dataset', 'protocol'}
  assert set(config.gallery.inputs.silhouettes) == {'files'}
  json.dumps(config.others.to_dict())
  with pytest.raises(UserError, match="did you mean 'protocol'"):
    overrides.make_room(config, ['--config.others.theirs.protocl=x'])
