"""Files of the hub, through a stand-in for its library."""

import sys
import types

import pytest
from interop.safetensors_file import packed
from interop.test_safetensors import ARRAYS

from gaitgs_jax.errors import UserError
from gaitgs_jax.interop import hub, torch_file


class HfHubHTTPError(Exception):
  pass


def install(monkeypatch, download):
  library = types.ModuleType('huggingface_hub')
  library.hf_hub_download = download
  # It has no attribute of that name before the module is imported.
  errors = types.SimpleNamespace(HfHubHTTPError=HfHubHTTPError)
  monkeypatch.setitem(sys.modules, 'huggingface_hub', library)
  monkeypatch.setitem(sys.modules, 'huggingface_hub.errors', errors)


@pytest.mark.parametrize('at', ['', '@v1.0'])
def test_a_file_is_fetched(at, tmp_path, monkeypatch):
  path = tmp_path / 'copy'
  path.write_bytes(packed(ARRAYS))
  asked = []

  def download(repository, file, revision):
    asked.append((repository, file, revision))
    return str(path)

  install(monkeypatch, download)
  found = torch_file.read_checkpoint(f'hf://opengait/Open.Gait{at}/a b/x.pt')
  assert found.keys() == ARRAYS.keys()
  assert asked == [('opengait/Open.Gait', 'a b/x.pt', at[1:] or None)]


def test_what_the_hub_refuses_is_told(monkeypatch):
  def download(*_, revision):
    raise HfHubHTTPError('404\nnot found')

  install(monkeypatch, download)
  with pytest.raises(
    UserError, match='could not fetch hf://a/b/c: 404 not found'
  ):
    hub.fetch('hf://a/b/c')
  with pytest.raises(UserError, match="'hf://a/b' is not a file of the hub"):
    hub.fetch('hf://a/b')


def test_without_its_library(monkeypatch):
  monkeypatch.setitem(sys.modules, 'huggingface_hub', None)
  with pytest.raises(UserError, match='pip install huggingface-hub'):
    hub.fetch('hf://a/b/c')
