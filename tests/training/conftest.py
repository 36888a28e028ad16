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
