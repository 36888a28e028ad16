import errno
import json
import multiprocessing
import pathlib

import jax.numpy as jnp
import pytest
from training import tiny

from gaitgs_jax import atomic
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
  workdir.check_config(tmp_path, config, 2)
  workdir.write_facts(tmp_path, config, {'w': jnp.zeros((2, 3))})
  workdir.check_config(tmp_path, config, 2)
  assert json.loads((tmp_path / 'config.json').read_text())['seed'] == 1
  assert 'jax' in json.loads((tmp_path / 'versions.json').read_text())


def test_another_config_is_refused(tmp_path):
  config = tiny.get_config()
  workdir.write_facts(tmp_path, config, {})
  config.seed = 2
  with pytest.raises(UserError, match='seed was 1 and is 2'):
    workdir.check_config(tmp_path, config, 2)


def test_only_what_changed_is_written_again(tmp_path, monkeypatch):
  config, params = tiny.get_config(), {'w': jnp.zeros(3)}
  workdir.write_facts(tmp_path, config, params)
  (tmp_path / 'versions.json').write_text('{"jax": "0.1')
  written = []
  monkeypatch.setattr(
    atomic, 'write', lambda path, _: written.append(path.name)
  )
  config.total_steps = 9
  workdir.write_facts(tmp_path, config, params)
  assert written == ['config.json', 'versions.json']


@pytest.mark.parametrize(
  'damage',
  [b'', b'\0' * 100, b'{"seed": 1, "da', b'[]', b'\xff{}', b'[' * 9999],
)
def test_a_damaged_config_is_set_aside_and_written_again(
  tmp_path, capsys, damage
):
  config, path = tiny.get_config(), tmp_path / 'config.json'
  for name in ('config.json.damaged', 'config.json.damaged-2'):
    path.write_bytes(damage)
    workdir.check_config(tmp_path, config, 2)
    assert f'config.json is damaged: it is {name} now' in (
      capsys.readouterr().out
    )
    assert (tmp_path / name).read_bytes() == damage
    workdir.write_facts(tmp_path, config, {})
    assert json.loads(path.read_text())['seed'] == 1


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
