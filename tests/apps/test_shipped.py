"""Models that come with the package, by name."""

import numpy as np
import pytest

import gaitgs_jax
from gaitgs_jax import __main__ as command
from gaitgs_jax import cloud
from gaitgs_jax.apps import config_file, shipped
from gaitgs_jax.errors import UserError
from gaitgs_jax.synthetic import wild_walk

NAME = 'gaitgs_synthetic'
# Of `_walk`: the modality, the shape, and the first and the last channels of
# the first and the last part.
EMBEDDINGS = {
  'gaitgs_synthetic': (
    *('silhouettes', (16, 64)),
    [-0.08614, -0.62669, -0.28395, 0.47611],
    [-0.30662, 0.14807, 0.63361, 0.46871],
  ),
  'gaitgraph2_synthetic': (
    *('keypoints', (1, 384)),
    [0.10068, 0.34669, 0.27183, -0.09673],
    [-0.03747, 0.30587, 0.22423, 0.11266],
  ),
}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)


def _walk(name):
  frames = 12 if name == NAME else 24
  walk = wild_walk(0, 0, 'nm-01', '054', frames=frames)
  return getattr(walk, EMBEDDINGS[name][0])


def test_every_model_has_its_three_files():
  assert shipped.names() == sorted(EMBEDDINGS)
  for name in shipped.names():
    assert name in config_file.names()
    assert shipped.evaluation(name).is_file()
    assert shipped.is_one(name)
    assert shipped.weights(name).stat().st_size < 4_000_000


@pytest.mark.parametrize('name', sorted(EMBEDDINGS))
def test_it_embeds_as_when_it_was_trained(name, capsys):
  _, shape, first, last = EMBEDDINGS[name]
  model = gaitgs_jax.load(name)
  assert model.title == f'{name.partition("_")[0]} {name} of the package'
  assert model.evaluation == shipped.evaluation(name)
  found = model.embed(_walk(name))
  assert found.shape == shape
  np.testing.assert_allclose(found[0, :4], first, rtol=1e-3, atol=1e-4)
  np.testing.assert_allclose(found[-1, -4:], last, rtol=1e-3, atol=1e-4)
  by_file = gaitgs_jax.load(shipped.weights(name), config=name)
  assert by_file.fingerprint == model.fingerprint
  # The commands too; thresholds are those of its evaluation.
  np.save('walk.npy', _walk(name))
  words = [f'--workdir={name}', '--gallery=g.sqlite', '--source=walk.npy']
  assert command.main(['enroll', '--person=Ada', *words]) == 0
  assert command.main(['identify', '--far=1e-2', *words]) == 0
  assert ': Ada\n' in capsys.readouterr().out


def test_a_folder_of_that_name_comes_first(tmp_path):
  (tmp_path / NAME).mkdir()
  assert not shipped.is_one(NAME)
  with pytest.raises(UserError, match=f'{NAME} holds no config.json'):
    gaitgs_jax.load(NAME)


@pytest.mark.parametrize('name', ['gaitgs_syntetic', 'weights', 'gs://b/demo'])
def test_another_name_is_a_workdir(name, tmp_path, monkeypatch):
  monkeypatch.setattr(cloud, 'folder', lambda path: tmp_path / 'none')
  assert not shipped.is_one(name)
  with pytest.raises(UserError, match=f'of the package: .*{NAME}$'):
    config_file.of_run(name, '')


def test_it_has_one_checkpoint():
  with pytest.raises(UserError, match='one checkpoint; leave the option out'):
    gaitgs_jax.load(NAME, checkpoint='best')
