"""Runs that start from other weights: all, a part, or another's head."""

import jax
import numpy as np
import pytest
from flax import nnx
from interop import safetensors_file
from training import tiny

from gaitgs_jax import interop, models
from gaitgs_jax.errors import UserError
from gaitgs_jax.training import (
  checkpoint,
  initial,
  loop,
  meshes,
  paths,
  setup,
  states,
)


@pytest.fixture
def trained(config, tmp_path):
  """A checkpoint of the tiny model with 5 classes."""
  config.model.num_classes = 5
  _, params, stats = states.split(setup.create_model(config))
  params = jax.tree.map(lambda x: x + 1, params)
  checkpoint.save_model(tmp_path / 'trained', params, stats)
  return paths.flatten(params), tmp_path / 'trained'


def _start(config):
  _, like = setup.describe_state(config, meshes.create(1))
  taken = initial.load(config, like)
  seed = paths.flatten(setup.create_state(config, like).params)
  state = setup.create_state(config, like, taken)
  return taken, paths.flatten(state.params), seed


def test_another_number_of_classes_takes_all_but_the_head(config, trained):
  before, workdir = trained
  config.model.num_classes, config.seed = 4, 7
  config.init = dict(checkpoint=str(workdir))
  taken, params, seed = _start(config)
  for name, array in params.items():
    right = seed if name == 'identity/kernel' else before
    np.testing.assert_array_equal(array, right[name], err_msg=name)
  assert taken.left == ['identity/kernel']
  assert taken.new == ['identity/kernel ([8, 4, 5] there, [8, 4, 4] here)']
  line = str(taken)
  assert line.startswith(f'starting from {workdir}/checkpoints/0: 9 arrays')
  assert '1 left there: identity/kernel; 1 newly initialised: identity' in line
  assert '\n' not in line
  assert 'taken        norm/mean\n' in taken.table()


def test_a_part_is_taken_where_keep_says_so(config, trained):
  before, workdir = trained
  config.seed = 7
  config.init = dict(checkpoint=str(workdir), keep=('layers/*', '*/bias'))
  taken, params, seed = _start(config)
  kept = {
    'layers/0/kernel', 'layers/0/bias', 'layers/1/kernel', 'norm/bias',
    'views/bias',
  }  # fmt: skip
  assert {name.partition('/')[2] for name in taken.arrays} == kept
  for name, array in params.items():
    right = before if name in kept else seed
    np.testing.assert_array_equal(array, right[name], err_msg=name)
  assert 'norm/scale (not in keep)' in taken.new
  assert 'norm/scale' in taken.left


def test_a_run_starts_there_once(config, trained, tmp_path, capsys):
  _, workdir = trained
  config.total_steps, config.evaluation.protocol = 1, ''
  config.init = dict(checkpoint=str(workdir))
  loop.train(config, tmp_path / 'run')
  told = capsys.readouterr().out
  assert told.count('starting from') == 1
  table = (tmp_path / 'run' / 'init.txt').read_text()
  assert table.startswith(f'# {workdir}/checkpoints/0\ntaken        ')
  # It goes on without what it started from.
  workdir.rename(tmp_path / 'elsewhere')
  config.total_steps = 2
  loop.train(config, tmp_path / 'run')
  told = capsys.readouterr().out
  assert 'starting from' not in told and 'going on from step 1' in told
  config.init.checkpoint = str(tmp_path / 'elsewhere')
  with pytest.raises(UserError, match=r'init\.checkpoint was'):
    loop.train(config, tmp_path / 'run')


@pytest.mark.parametrize(
  ('change', 'words'),
  [
    (dict(checkpoint=''), "init.checkpoint is ''; it must be a path"),
    (dict(checkpoint='/no/such'), 'no checkpoint in /no/such'),
    (dict(keep='layer/*'), r"init.keep: 'layer/\*' fits .* mean 'layers'\?"),
    (dict(keep=3), 'init.keep is 3; it must be text or a tuple'),
    (dict(kep='*'), r"config.init has no field 'kep' \(did you mean 'keep'"),
  ],
)
def test_what_is_wrong_is_found_before_the_data_is_opened(
  config, trained, tmp_path, monkeypatch, change, words
):
  monkeypatch.setattr(setup, 'open_data', None)
  config.init = dict(checkpoint=str(trained[1])) | change
  with pytest.raises(UserError, match=words):
    loop.train(config, tmp_path / 'run')


def test_a_checkpoint_of_nothing_alike_is_told(config, trained):
  config.model = dict(features=6, num_views=3)
  config.init = dict(checkpoint=str(trained[1]), keep='layers/1/*')
  with pytest.raises(UserError, match=r'nothing that .*keep=.* takes for the'):
    _start(config)


SMALL = dict(channels=(8, 8, 8), parts=2, features=8, depth=1, num_classes=3)


def test_published_names_are_taken_from_safetensors(tmp_path):
  rngs = nnx.Rngs(0)
  model = models.create('gaitgs', rngs=rngs, **SMALL)
  theirs = interop.to_torch('gaitgs', model, **SMALL)
  theirs = {f'module.{name}': array for name, array in theirs.items()}
  theirs['extra.weight'] = np.ones((2, 3), np.float32)
  path = tmp_path / 'gaitgs.safetensors'
  path.write_bytes(safetensors_file.packed(theirs))
  config = tiny.get_config()
  config.inputs.silhouettes.size = (64, 44)
  config.model_name, config.model = 'gaitgs', {**SMALL, 'num_classes': 5}
  config.losses.identity = dict()
  config.init = dict(checkpoint=str(path))
  _, params, stats = states.split(
    models.create('gaitgs', rngs=rngs, **config.model.to_dict())
  )
  like = states.TrainState(np.int32(0), params, stats, ())
  taken = initial.load(config, like)
  assert taken.new == ['identity/kernel ([4, 8, 3] there, [4, 8, 5] here)']
  assert sorted(taken.left) == ['Head1.fc_bin', 'extra.weight']
  filled = paths.flatten(taken.fill(params, 'params/'))
  right = paths.flatten(states.split(model)[1])
  for name, array in filled.items():
    if name != 'identity/kernel':
      np.testing.assert_array_equal(array, right[name], err_msg=name)
