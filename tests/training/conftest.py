import jax
import pytest
from training import tiny

from gaitgs_jax import models


@pytest.fixture(scope='session')
def tree(tmp_path_factory):
  """An OpenGait tree for `tiny.get_config`."""
  root = tmp_path_factory.mktemp('data') / 'tree'
  tiny.write_tree(root)
  return root


@pytest.fixture
def config(tree, monkeypatch):
  """A config of whole runs in this process."""
  monkeypatch.setattr(models, 'create', tiny.create)
  return tiny.get_config(tree)


@pytest.fixture(scope='session', autouse=True)
def compiled(tmp_path_factory):
  """Lets runs share what they compile, in this process and in others."""
  folder = str(tmp_path_factory.mktemp('xla'))
  names = {
    'jax_compilation_cache_dir': folder,
    'jax_persistent_cache_min_compile_time_secs': 0.0,
  }
  before = {name: getattr(jax.config, name) for name in names}
  for name, value in names.items():
    jax.config.update(name, value)
  yield folder
  for name, value in before.items():
    jax.config.update(name, value)
