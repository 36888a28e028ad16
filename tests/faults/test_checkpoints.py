import hashlib
import re
import shutil
import time

import pytest
from faults import kills
from training import tiny

from gaitgs_jax import models
from gaitgs_jax.errors import UserError
from gaitgs_jax.training import checkpoint, evaluating, loop


def _largest(step):
  files = [path for path in (step / 'default').rglob('*') if path.is_file()]
  return max(files, key=lambda path: path.stat().st_size)


def _flip(step):
  path = _largest(step)
  data = bytearray(path.read_bytes())
  data[len(data) // 2] ^= 1
  path.write_bytes(data)


def _cut(step):
  path = _largest(step)
  path.write_bytes(path.read_bytes()[:-1])


def _lose(step):
  _largest(step).unlink()


def _empty(step):
  shutil.rmtree(step / 'default')


@pytest.fixture(scope='module')
def whole(tree, tmp_path_factory):
  """A run of 6 steps, with checkpoints 4 and 6 and perhaps 3."""
  folder = tmp_path_factory.mktemp('whole') / 'run'
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(models, 'create', tiny.create)
    loop.train(tiny.get_config(tree), folder)
  return folder


@pytest.fixture
def hurt(whole, tmp_path):
  return shutil.copytree(whole, tmp_path / 'hurt')


@pytest.mark.parametrize('damage', [_flip, _cut, _lose, _empty])
def test_training_goes_on_from_the_checkpoint_before_a_damaged_one(
  damage, config, whole, hurt, capsys
):
  folder = hurt / 'checkpoints'
  damage(folder / '6')
  loop.train(config, hurt)
  out = capsys.readouterr().out
  assert re.search(r'/6 is damaged \(.*\): it is 6.damaged now, and 4 the', out)
  assert 'going on from step 4' in out
  assert kills.differences(whole, hurt) == []
  assert checkpoint.find(hurt) == folder / '6'
  # A second time, with what was set aside before still there.
  damage(folder / '6')
  loop.train(config, hurt)
  assert {'6', '6.damaged', '6.damaged-2'} < {p.name for p in folder.iterdir()}
  assert kills.differences(whole, hurt) == []


def test_without_a_whole_checkpoint_nothing_is_touched(config, hurt):
  folder = hurt / 'checkpoints'
  for step in folder.iterdir():
    _flip(step)
  before = sorted(folder.iterdir())
  with pytest.raises(
    UserError, match=r'every checkpoint .* \(6: .*; 4: .*move'
  ):
    loop.train(config, hurt)
  assert sorted(folder.iterdir()) == before


def test_evaluation_takes_a_whole_checkpoint(config, hurt, tmp_path, capsys):
  _flip(hurt / 'checkpoints' / '6')
  evaluating.evaluate(config, tmp_path / 'other', hurt)
  assert '/6 is damaged' in (out := capsys.readouterr().out)
  assert 'taking 4 instead' in out and 'hurt_step_000004' in out
  with pytest.raises(UserError, match=r'/6 is damaged .* not what was saved'):
    evaluating.evaluate(config, tmp_path / 'other', hurt / 'checkpoints' / '6')
  assert (hurt / 'checkpoints' / '6').exists()


def test_the_digests_are_those_of_sha256sum(whole):
  step = checkpoint.find(whole)
  lines = (step / 'SHA256SUMS').read_text().splitlines()
  sums = dict(reversed(line.split('  ')) for line in lines)
  file = _largest(step)
  digest = hashlib.sha256(file.read_bytes()).hexdigest()
  assert sums[str(file.relative_to(step))] == digest


def test_a_checkpoint_without_digests_is_taken(config, hurt, capsys):
  (hurt / 'checkpoints' / '6' / 'SHA256SUMS').unlink()
  loop.train(config, hurt)
  assert 'trained 6 steps' in capsys.readouterr().out


def test_a_clock_that_runs_backwards_changes_nothing(
  config, whole, tmp_path, monkeypatch
):
  start = time.time()
  monkeypatch.setattr(time, 'time', lambda: 2 * start - time.monotonic() * 1e3)
  config.total_steps = 4
  loop.train(config, tmp_path)
  config.total_steps = 6
  loop.train(config, tmp_path)
  assert checkpoint.find(tmp_path).name == '6'
  assert kills.differences(whole, tmp_path) == []
