import importlib.util
import os
import re

import pytest
from training import tiny

from gaitgs_jax import models
from gaitgs_jax.apps import config_file
from gaitgs_jax.errors import UserError
from gaitgs_jax.training import collectives, forecast, meshes

HAS_TPU_COMPILER = importlib.util.find_spec('libtpu') is not None


@pytest.fixture
def config(monkeypatch):
  monkeypatch.setattr(models, 'create', tiny.create)
  config = tiny.get_config()
  config.mesh.data = 4
  return config


@pytest.fixture
def environment(monkeypatch):
  """Undoes what asking for a topology leaves in the environment."""
  monkeypatch.setattr(os, 'environ', os.environ.copy())


def test_a_forecast_tells_what_each_device_needs(config):
  found = forecast.forecast(config, meshes.create(**config.mesh))
  batch = 2 * (4 * 8 * 6 + 4) + 2 * 4 * 4  # Two of the eight rows.
  state = 4 * (8 * 6 + 8 + 8 * 4 + 2 * 4 + 4 * 11 + 11) * 3
  assert found.arguments == pytest.approx(state + batch, rel=0.1)
  assert found.peak > found.arguments + found.temporaries > found.arguments
  assert found.flops > 0
  assert {each.kind for each in found.collectives} >= {
    'all-reduce',
    'all-gather',
  }


def test_one_device_exchanges_nothing(config):
  found = forecast.forecast(config, meshes.create(1))
  assert found.collectives == ()


def test_a_larger_batch_needs_more(config):
  mesh = meshes.create(**config.mesh)
  small = forecast.forecast(config, mesh)
  config.batch.frames *= 10
  assert forecast.forecast(config, mesh).peak > 2 * small.peak


@pytest.mark.parametrize('factor, verdict', [(3, 'fits'), (0.9, 'not fit')])
def test_the_largest_batch_is_searched(
  factor, verdict, config, monkeypatch, capsys
):
  needed = forecast.forecast(config, meshes.create(**config.mesh)).peak
  limit = int(factor * needed)
  monkeypatch.setattr(forecast, 'capacity', lambda mesh: limit)
  forecast.show(config)
  shown = capsys.readouterr().out
  assert 'tiny on casia_b, 4 subjects x 2 sequences x 4 frames' in shown
  assert '4 x cpu, data=4 x model=1' in shown
  assert verdict in next(li for li in shown.splitlines() if li[:4] == 'peak')
  *_, last = shown.splitlines()
  most = int(last.split()[2])
  assert most > 4 if factor > 1 else most < 4
  # Two subjects of two sequences are a row for each of four devices.
  assert last.endswith(f'({most + 2} subjects do not fit)')


@pytest.mark.parametrize('lowering, axes', [('native', 3), ('frames', 2)])
def test_a_lowering_of_the_convolutions_can_be_chosen(lowering, axes):
  config = config_file.load('configs/demo.py')
  lowered = forecast.lower(config, meshes.create(1), lowering)
  layout = re.compile(r'dim_numbers = \[(b, [^\]]*, f)\]x')
  found = {
    len(each.split(',')) - 2 for each in layout.findall(lowered.as_text())
  }
  assert found == {axes}


def test_a_batch_that_does_not_divide_is_refused(config):
  config.batch.subjects = 3
  with pytest.raises(UserError, match=r'6 rows does not divide over 4'):
    forecast.show(config)


def test_the_devices_at_hand_share_this_machines_memory():
  memory = os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')
  assert forecast.capacity(meshes.create(4)) == memory // 4


@pytest.mark.parametrize('guess, trials', [(1, 20), (49, 5), (400, 20)])
@pytest.mark.parametrize('given', [1, 8, 64])
@pytest.mark.parametrize('most', [0, 1, 47, 51, 300])
def test_the_largest_that_fits_is_found_in_few_trials(
  most, given, guess, trials
):
  tried = []

  def fits(count):
    tried.append(count)
    return count <= most

  found, too_many = forecast.largest(fits, guess, given, given <= most)
  assert found <= most < too_many <= found + max(1, found // 32)
  assert len(tried) == len({given, *tried}) - 1
  near = given < 64 and abs(most - guess) < 3
  assert len(tried) <= (trials if near else 20)


PROGRAM = """
%all-reduce-scatter (input: f32[8,4]) -> f32[2,4] {
  %all-reduce.7 = f32[8,4]{1,0:T(8,128)} all-reduce(%input), channel_id=9
}
ENTRY %main (p: f32[2]) -> f32[8] {
  %all-gather.1 = bf16[8,3]{1,0:T(8,128)(2,1)} all-gather(%p), channel_id=1
  %all-gather.2 = bf16[8,3]{1,0:T(8,128)(2,1)} all-gather(%p), channel_id=1
  %ags = (f32[2], f32[8]) all-gather-start(%p), channel_id=2
  %agd = f32[8]{0} all-gather-done(%ags)
  ROOT %r = (f32[]{:T(128)}, pred[5]{0}) all-reduce(%x, %y), channel_id=3
  %use = f32[8]{0} add(%agd, %all-gather.1)
}
"""


def test_collectives_are_read_from_a_program():
  assert [(c.kind, c.arrays) for c in collectives.read(PROGRAM)] == [
    ('reduce-scatter', (('f32', (8, 4)),)),
    ('all-gather', (('bf16', (8, 3)),)),
    ('all-gather', (('f32', (8,)),)),
    ('all-reduce', (('f32', ()), ('pred', (5,)))),
  ]
  sizes = [each.bytes for each in collectives.read(PROGRAM)]
  assert sizes == [4 * 8 * 4, 2 * 8 * 3, 4 * 8, 4 + 5]


@pytest.mark.skipif(HAS_TPU_COMPILER, reason='libtpu is installed')
def test_a_missing_tpu_compiler_is_one_sentence(environment):
  with pytest.raises(UserError, match=r'pip install -r requirements-tpu\.txt'):
    forecast.topology_devices('v5e:2x4')


@pytest.mark.skipif(not HAS_TPU_COMPILER, reason='libtpu is not installed')
def test_a_step_compiles_for_tpus_that_are_not_there(config, environment):
  devices = forecast.topology_devices('v5e:2x4')
  mesh = meshes.create(data=4, model=2, devices=devices)
  assert forecast.capacity(mesh) == 15.75 * 2**30
  found = forecast.forecast(config, mesh)
  assert found.program > 0 and found.flops > 0
  with pytest.raises(UserError, match=r'v9:2x2.*one that exists is v5e:2x4'):
    forecast.topology_devices('v9:2x2')
