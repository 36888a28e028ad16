"""Models that come with the package, by name."""

import numpy as np
import pytest
from flax import nnx

import gaitgs_jax
from gaitgs_jax import __main__ as command
from gaitgs_jax import models
from gaitgs_jax.apps import config_file, shipped
from gaitgs_jax.errors import UserError
from gaitgs_jax.interop import to_torch
from gaitgs_jax.interop.torch_file import write_checkpoint

NAME = 'gaitgs_synthetic'


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
  """A package's folder of models: one, of initial weights."""
  config = config_file.load(NAME)
  options = config.model.to_dict()
  model = models.create(config.model_name, **options, rngs=nnx.Rngs(0))
  path = tmp_path_factory.mktemp('weights')
  arrays = to_torch(config.model_name, model, **options)
  write_checkpoint(path / f'{NAME}.safetensors', arrays)
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(shipped, 'FOLDER', path)
    yield path


def _walk():
  return np.random.default_rng(0).integers(0, 2, (6, 64, 64), np.uint8) * 255


def test_it_is_the_model_of_its_file(folder, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  assert shipped.names() == [NAME]
  by_name = gaitgs_jax.load(NAME)
  by_file = gaitgs_jax.load(folder / f'{NAME}.safetensors', config=NAME)
  assert by_name.fingerprint == by_file.fingerprint
  assert by_name.title == f'gaitgs {NAME} of the package'


def test_commands_take_the_name(folder, tmp_path, monkeypatch, capsys):
  monkeypatch.chdir(tmp_path)
  np.save('walk.npy', _walk())
  words = ['export-torch', f'--workdir={NAME}', '--out=model.safetensors']
  assert command.main(words) == 0
  weights = (folder / f'{NAME}.safetensors').read_bytes()
  assert (tmp_path / 'model.safetensors').read_bytes() == weights
  words = ['enroll', f'--workdir={NAME}', '--gallery=g.sqlite', '--person=Ada']
  assert command.main([*words, '--source=walk.npy']) == 0
  assert 'Ada has 1 walk' in capsys.readouterr().out


def test_a_folder_of_that_name_comes_first(folder, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  (tmp_path / NAME).mkdir()
  with pytest.raises(UserError, match=f'{NAME} holds no config.json'):
    gaitgs_jax.load(NAME)


def test_an_unknown_name(folder, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  with pytest.raises(UserError, match=f'of the package: {NAME}$'):
    gaitgs_jax.load('gaitgs_syntetic')


def test_it_has_one_checkpoint(folder, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  with pytest.raises(UserError, match='one checkpoint; leave the option out'):
    gaitgs_jax.load(NAME, checkpoint='best')


def test_its_evaluation_lies_next_to_it(folder, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  path = folder / f'{NAME}.json'
  assert gaitgs_jax.load(NAME).evaluation is None
  path.write_text('{}')
  assert gaitgs_jax.load(NAME).evaluation == path
  path.unlink()
