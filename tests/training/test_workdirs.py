import errno
import json
import pathlib

import jax.numpy as jnp
import pytest
from training import tiny

from gaitgs_jax import atomic, files
from gaitgs_jax.errors import UserError
from gaitgs_jax.training import workdirs


def test_the_config_is_written_and_recognised(tmp_path):
  config = tiny.get_config()
  workdirs.check_config(tmp_path, config, 2)
  workdirs.write_facts(tmp_path, config, {'w': jnp.zeros((2, 3))})
  workdirs.check_config(tmp_path, config, 2)
  assert json.loads((tmp_path / 'config.json').read_text())['seed'] == 1
  assert 'jax' in json.loads((tmp_path / 'versions.json').read_text())


def test_another_config_is_refused(tmp_path):
  config = tiny.get_config()
  workdirs.write_facts(tmp_path, config, {})
  config.seed = 2
  with pytest.raises(UserError, match='seed was 1 and is 2'):
    workdirs.check_config(tmp_path, config, 2)


def test_only_what_changed_is_written_again(tmp_path, monkeypatch):
  config, params = tiny.get_config(), {'w': jnp.zeros(3)}
  workdirs.write_facts(tmp_path, config, params)
  (tmp_path / 'versions.json').write_text('{"jax": "0.1')
  written = []
  monkeypatch.setattr(
    atomic, 'write', lambda path, _, **__: written.append(path.name)
  )
  config.total_steps = 9
  workdirs.write_facts(tmp_path, config, params)
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
    workdirs.check_config(tmp_path, config, 2)
    assert f'config.json is damaged: it is {name} now' in (
      capsys.readouterr().out
    )
    assert (tmp_path / name).read_bytes() == damage
    workdirs.write_facts(tmp_path, config, {})
    assert json.loads(path.read_text())['seed'] == 1


def test_a_config_that_cannot_be_read_stays(tmp_path, monkeypatch):
  workdirs.write_facts(tmp_path, tiny.get_config(), {})
  before = sorted(tmp_path.iterdir())

  def fail(*_):
    raise OSError(errno.ESTALE, 'Stale file handle')

  monkeypatch.setattr(files, '_WAITS', ())
  monkeypatch.setattr(files, 'read', fail)
  with pytest.raises(UserError, match=r'config.json cannot be read: Stale'):
    workdirs.check_config(tmp_path, tiny.get_config(), 2)
  assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
  'name', ['config.json', 'versions.json', 'parameters.txt']
)
def test_files_that_are_links_are_replaced(tmp_path, name):
  run, other = tmp_path / 'run', tmp_path / 'other'
  workdirs.write_facts(run, tiny.get_config(), {})
  (run / name).rename(other)
  # It holds what would be written, or anything else.
  for text in (other.read_text(), 'of the user'):
    other.write_text(text)
    (run / name).unlink(missing_ok=True)
    (run / name).symlink_to(other)
    workdirs.write_facts(run, tiny.get_config(), {})
    assert not (run / name).is_symlink() and (run / name).stat().st_size
    assert other.read_text() == text


def test_what_is_damaged_and_cannot_be_renamed_is_a_message(
  tmp_path, monkeypatch
):
  (tmp_path / 'config.json').write_text('{')

  def fail(*_):
    raise OSError(errno.EXDEV, 'Invalid cross-device link')

  monkeypatch.setattr(pathlib.Path, 'rename', fail)
  with pytest.raises(UserError, match=r'cross-device link. Move it away'):
    workdirs.check_config(tmp_path, tiny.get_config(), 2)


def test_the_parameter_table_sums():
  params = {'a': {0: jnp.zeros((2, 3))}, 'b': jnp.zeros(4)}
  lines = workdirs.parameter_table(params).splitlines()
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
    workdirs.full_disk_as_user_error(tmp_path),
  ):
    try:
      raise error
    except (OSError, ValueError) as inner:
      raise RuntimeError('saving failed') from inner


@pytest.mark.parametrize(
  'error', [ValueError('bug'), TypeError('bug'), KeyError('bug')]
)
def test_a_fault_in_code_passes_even_while_the_disk_is_full(tmp_path, error):
  with (
    pytest.raises(type(error), match='bug'),
    workdirs.full_disk_as_user_error(tmp_path),
  ):
    if isinstance(error, ValueError):
      raise error
    try:
      raise OSError(errno.ENOSPC, 'No space left on device')
    except OSError:
      raise error  # noqa: B904 - its context matters here.
