import errno
import json
import multiprocessing
import pathlib

import jax.numpy as jnp
import pytest
from training import tiny

from gaitgs_jax.errors import UserError
from gaitgs_jax.training import workdir


def _hold(path, ready, done):
  with workdir.lock(pathlib.Path(path)):
    ready.set()
    done.wait(60)


def test_a_second_process_is_refused_by_name(tmp_path):
  context = multiprocessing.get_context('spawn')
  ready, done = context.Event(), context.Event()
  process = context.Process(target=_hold, args=(str(tmp_path), ready, done))
  process.start()
  try:
    assert ready.wait(60)
    with (
      pytest.raises(UserError, match=rf'process {process.pid}\).*--workdir'),
      workdir.lock(tmp_path),
    ):
      pass
  finally:
    done.set()
    process.join()
  with workdir.lock(tmp_path):
    pass


def test_a_crash_leaves_no_lock(tmp_path):
  for _ in range(2):
    with pytest.raises(ZeroDivisionError), workdir.lock(tmp_path):
      raise ZeroDivisionError


def test_a_workdir_that_cannot_be_is_a_sentence(tmp_path):
  (tmp_path / 'file').write_text('')
  with (
    pytest.raises(UserError, match=r'--workdir=.*file/run cannot be written'),
    workdir.lock(tmp_path / 'file' / 'run'),
  ):
    pass


def test_the_config_is_written_and_recognised(tmp_path):
  config = tiny.get_config()
  workdir.check_config(tmp_path, config)
  workdir.write_facts(tmp_path, config, {'w': jnp.zeros((2, 3))})
  workdir.check_config(tmp_path, config)
  assert json.loads((tmp_path / 'config.json').read_text())['seed'] == 1
  assert 'jax' in json.loads((tmp_path / 'versions.json').read_text())


def test_a_changed_config_names_the_fields(tmp_path):
  config = tiny.get_config()
  workdir.write_facts(tmp_path, config, {})
  config.model.features = 8
  config.losses.triplet.margin = 0.5
  config.total_steps = 99
  with pytest.raises(UserError) as caught:
    workdir.check_config(tmp_path, config)
  message = str(caught.value)
  assert 'model.features was 4 and is 8' in message
  assert 'losses.triplet.margin was 0.25 and is 0.5' in message
  assert 'total_steps' not in message


def test_how_long_and_where_may_change(tmp_path):
  config = tiny.get_config()
  workdir.write_facts(tmp_path, config, {})
  config.total_steps = 99
  config.log_every = 1
  config.evaluation.every_steps = 5
  config.mesh.data = -1
  config.dataset.root = '/elsewhere'
  workdir.check_config(tmp_path, config)


def test_a_new_field_is_a_change(tmp_path):
  config = tiny.get_config()
  workdir.write_facts(tmp_path, config, {})
  config.model.layers = 3
  with pytest.raises(UserError, match=r"layers was '\(absent\)' and is 3"):
    workdir.check_config(tmp_path, config)


def test_the_parameter_table_sums():
  params = {'a': {0: jnp.zeros((2, 3))}, 'b': jnp.zeros(4)}
  lines = workdir.parameter_table(params).splitlines()
  assert [line.split() for line in lines] == [
    ['a/0', '2x3', 'float32', '6'],
    ['b', '4', 'float32', '4'],
    ['total', '10'],
  ]


@pytest.mark.parametrize(
  'error',
  [
    OSError(errno.ENOSPC, 'No space left on device'),
    ValueError('RESOURCE_EXHAUSTED: Error writing: No space left on device'),
  ],
)
def test_a_full_disk_is_a_sentence(tmp_path, error):
  with (
    pytest.raises(UserError, match='no space left on device; the checkpoints'),
    workdir.naming_full_disk(tmp_path),
  ):
    try:
      raise error
    except (OSError, ValueError) as inner:
      raise RuntimeError('saving failed') from inner


def test_other_errors_pass(tmp_path):
  with (
    pytest.raises(ValueError, match='bug'),
    workdir.naming_full_disk(tmp_path),
  ):
    raise ValueError('bug')
