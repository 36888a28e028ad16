"""Import of PyTorch weights: what fits, and what is told when it does not."""

import argparse
import json
import pathlib
import sys

import golden_numbers
import jax
import numpy as np
import pytest
from flax import nnx

from gaitgs_jax import models
from gaitgs_jax.apps import import_torch
from gaitgs_jax.errors import UserError
from gaitgs_jax.interop import from_torch, to_torch
from gaitgs_jax.interop.torch import read_checkpoint
from gaitgs_jax.training import checkpoint, state

CONFIG = dict(
  channels=(2, 4, 8), parts=2, strips=2, heads=2, depth=1, features=4
)


def small():
  return models.create('gaitgs', rngs=nnx.Rngs(3), **CONFIG)


def small_state_dict():
  return to_torch('gaitgs', small(), **CONFIG)


def test_names_are_the_originals():
  golden = golden_numbers.load('gaitgs_oumvlp')
  config = golden_numbers.GAITGS['gaitgs_oumvlp']
  theirs = golden_numbers.state_dict(golden)
  ours = to_torch('gaitgs', from_torch('gaitgs', theirs, **config), **config)
  assert {*ours} == {*theirs} - {'Bn.num_batches_tracked'}
  for name, array in ours.items():
    np.testing.assert_array_equal(array, theirs[name], err_msg=name)


def test_the_prefix_of_a_parallel_model_is_dropped():
  prefixed = {f'module.{k}': v for k, v in small_state_dict().items()}
  model = from_torch('gaitgs', prefixed, **CONFIG)
  jax.tree.map(
    np.testing.assert_array_equal, nnx.state(model), nnx.state(small())
  )


def test_one_error_lists_everything():
  given = small_state_dict()
  del given['fc.fc_bin'], given['MCMs_S.conv1d3x1.1.0.conv.weight']
  given['PIEG.V_view'] = given['PIEG.V_view'][:5]
  given['stranger.weight'] = np.zeros(3)
  with pytest.raises(UserError) as error:
    from_torch('gaitgs', given, **CONFIG)
  text = str(error.value)
  assert '2 missing: ' in text
  assert 'MCMs_S.conv1d3x1.1.0.conv.weight' in text
  assert 'fc.fc_bin' in text
  assert '1 unexpected: stranger.weight' in text
  assert '1 of another shape: PIEG.V_view (5, 8) for (11, 8)' in text


def arguments(tmp_path, **fields):
  config = tmp_path / 'config.py'
  source = pathlib.Path(__file__).parents[2] / 'configs' / 'demo.py'
  changed = source.read_text().replace(
    '  return config', f'  config.model = dict({CONFIG!r})\n  return config'
  )
  config.write_text(changed)
  given = dict(config=str(config), workdir=str(tmp_path / 'run'))
  return argparse.Namespace(**given, **fields)


def test_import_writes_a_checkpoint(tmp_path, monkeypatch, capsys):
  given = small_state_dict()
  monkeypatch.setattr(import_torch, 'read_checkpoint', lambda path: given)
  args = arguments(tmp_path, checkpoint='x.pt')
  import_torch.run(args)
  assert '--mode=evaluate' in capsys.readouterr().out
  run = pathlib.Path(args.workdir)
  assert json.loads((run / 'config.json').read_text())['model']['parts'] == 2
  _, params, stats = state.split(small())
  blank = jax.tree.map(np.zeros_like, params)
  step, found, _ = checkpoint.restore_model(checkpoint.find(run), blank, stats)
  assert step == 0
  jax.tree.map(np.testing.assert_array_equal, found, params)
  with pytest.raises(UserError, match='already holds checkpoints'):
    import_torch.run(args)


def test_reading_needs_pytorch(monkeypatch):
  monkeypatch.setitem(sys.modules, 'torch', None)
  with pytest.raises(UserError, match='pip install torch'):
    read_checkpoint('x.pt')


class TestWithPyTorch:
  """Runs where the optional PyTorch is installed."""

  @pytest.fixture(autouse=True)
  def torch(self):
    return pytest.importorskip('torch', reason='PyTorch is optional')

  def test_reads_what_users_save(self, torch, tmp_path):
    given = {
      name: torch.from_numpy(array.copy())
      for name, array in small_state_dict().items()
    }
    for content in (given, {'model': given, 'iteration': 7}):
      torch.save(content, tmp_path / 'x.pt')
      found = read_checkpoint(tmp_path / 'x.pt')
      assert {*found} == {*given}
      np.testing.assert_array_equal(found['PIEG.P'], given['PIEG.P'])

  def test_code_does_not_run(self, torch, tmp_path):
    class Malicious:
      def __reduce__(self):
        return (pathlib.Path.touch, (tmp_path / 'ran',))

    torch.save({'model': Malicious()}, tmp_path / 'x.pt')
    with pytest.raises(UserError, match='can be read safely'):
      read_checkpoint(tmp_path / 'x.pt')
    assert not (tmp_path / 'ran').exists()

  def test_other_files_are_refused(self, torch, tmp_path):
    with pytest.raises(UserError, match='no checkpoint file'):
      read_checkpoint(tmp_path / 'absent.pt')
    torch.save([1, 2], tmp_path / 'list.pt')
    with pytest.raises(UserError, match='no state dict'):
      read_checkpoint(tmp_path / 'list.pt')
