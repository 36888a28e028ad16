import pathlib

import jax
import pytest
from training import tiny

from gaitgs_jax import __main__, local
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import keypoints, opening
from gaitgs_jax.training import compilation, evaluating, loop


def test_a_path_stays_what_it_is():
  for text in ('runs/x', '/data', 'a:b', 'C:/data', 'x/gs://y'):
    assert local.path(text) == pathlib.Path(text)
  assert local.path('~/x') == pathlib.Path.home() / 'x'


def test_without_a_home_folder_only_what_needs_one_is_refused(monkeypatch):
  for name in ('HOME', 'XDG_CACHE_HOME', 'JAX_COMPILATION_CACHE_DIR'):
    monkeypatch.delenv(name, raising=False)
  monkeypatch.setattr('pwd.getpwuid', lambda _: {}['no such user'])
  with pytest.raises(UserError, match=r'~/x: there is no home .* set HOME'):
    local.path('~/x')
  with pytest.raises(UserError, match='set HOME or XDG_CACHE_HOME'):
    local.cache()
  before = jax.config.jax_compilation_cache_dir
  compilation.keep()
  assert jax.config.jax_compilation_cache_dir == before
  monkeypatch.setenv('XDG_CACHE_HOME', '/somewhere')
  assert local.cache() == pathlib.Path('/somewhere/gaitgs_jax')


@pytest.mark.parametrize('url', ['az://bucket/x', 'hf://bucket/x', 'gs:/x'])
def test_a_url_of_another_kind_is_refused_wherever_it_is_given(
  url, tmp_path, monkeypatch, capsys
):
  monkeypatch.chdir(tmp_path)
  config = tiny.get_config(tmp_path)
  calls = [
    lambda: loop.train(config, url),
    lambda: evaluating.evaluate(config, url),
    lambda: evaluating.evaluate(config, tmp_path / 'run', url),
    lambda: keypoints.open_tree(url),
  ]
  sizes = {'silhouettes': tiny.SIZE}
  for format in ('tfds', 'opengait'):
    dataset = {**config.dataset, 'root': url, 'format': format, 'variant': '64'}
    calls.append(lambda dataset=dataset: opening.open_source(dataset, sizes))
  for call in calls:
    with pytest.raises(UserError, match='mount the bucket'):
      call()
  for command in ('report', 'export-torch --out=x'):
    assert __main__.main([*command.split(), f'--workdir={url}']) == 2
    assert url in capsys.readouterr().err
  assert not [*tmp_path.iterdir()]
