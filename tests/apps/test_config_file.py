import json

import pytest

from gaitgs_jax.__main__ import main
from gaitgs_jax.apps import config_file
from gaitgs_jax.errors import UserError
from gaitgs_jax.training import settings, workdir


@pytest.mark.parametrize('name', config_file.names())
def test_a_runs_json_is_the_same_config(name, tmp_path):
  config = config_file.load(name)
  path = tmp_path / 'config.json'
  path.write_text(json.dumps(workdir.as_json(config)))
  again = config_file.load(str(path))
  settings.check(again)
  assert again.to_dict() == config.to_dict()  # Tuples too.
  assert isinstance(again.dataset.size, tuple)


def test_the_packages_own_configs_are_found_anywhere(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  own = config_file.FOLDER / 'demo.py'
  for given in ('demo', 'demo.py', 'configs/demo.py'):
    assert config_file.find(given) == own
  config = config_file.load('gaitgraph2_oumvlp:openpose')
  assert config.dataset.variant == 'openpose'


def test_ones_own_file_comes_first(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  path = tmp_path / 'configs' / 'demo.py'
  path.parent.mkdir()
  path.write_text(
    'from ml_collections import ConfigDict\n'
    'def get_config(): return ConfigDict(dict(seed=5))\n'
  )
  assert config_file.load('configs/demo.py').seed == 5


@pytest.mark.parametrize(
  'name, text, words',
  [
    ('c.json', '{', 'is not JSON'),
    ('c.json', '[' * 100_000, 'is not JSON'),
    ('c.json', '[1]', 'a JSON object is expected'),
    ('c.json', b'\xff\xfe', 'is not JSON'),
    ('c.json:x', '{}', 'takes no argument'),
    ('c.py', 'def get_config(', 'is not Python'),
    ('c.py', 'x = 1', 'no function get_config'),
    ('c.py', 'def get_config(): return 3', 'does not return a ConfigDict'),
    ('c.py:x', 'def get_config(): return 3', 'takes no argument'),
    ('c.py', 'def get_config(x): return 3', 'needs an argument'),
    ('c.yaml', 'a: 1', 'pass a .py or .json file'),
    ('.', '', 'is a folder; pass a file'),
    ('nothing', None, 'no config .*nothing.* or one of casia_b, '),
    ('other/demo.py', None, 'no config .*other/demo.py'),
  ],
)
def test_what_is_not_a_config_is_reported(tmp_path, name, text, words):
  if text is not None and name != '.':
    data = text if isinstance(text, bytes) else text.encode()
    (tmp_path / name.partition(':')[0]).write_bytes(data)
  with pytest.raises(UserError, match=words):
    config_file.load(f'{tmp_path}/{name}')


def test_an_unknown_field_of_json_is_an_error(tmp_path):
  fields = workdir.as_json(config_file.load('demo'))
  fields['evaluation']['protocl'] = 'x'
  path = tmp_path / 'config.json'
  path.write_text(json.dumps(fields))
  with pytest.raises(UserError, match=r"no field 'protocl'.*'protocol'"):
    settings.check(config_file.load(str(path)))


USED = {
  'dataset': {'name': 'own', 'size': [64, 44]},
  'model_name': 'gaitgs',
  'model': {},
  'evaluation': {'metric': 'cosine', 'dtype': 'float32', 'transform': []},
}


@pytest.mark.parametrize('command', ['embed', 'explain', 'export-torch'])
@pytest.mark.parametrize(
  ('change', 'message'),
  [
    ({'dataset': 3}, 'config.dataset is 3; it must be a section'),
    ({'dataset': {'name': ['own']}}, 'config.dataset.size is missing'),
    ({'dataset': {**USED['dataset'], 'size': 'x'}}, "size is 'x'; it must"),
    ({'dataset': {**USED['dataset'], 'root': 5}}, 'root is 5; it must be text'),
    ({'model': []}, 'config.model is (); it must be a section'),
    ({'model_name': {'a': 1}}, 'it must be text'),
    ({'model_name': 'layers'}, ''),
    ({'model_name': '..errors'}, ''),
    ({'model_name': 'os'}, ''),
    ({'evaluation': {}}, 'config.evaluation.transform is missing'),
    ({'evaluation': {**USED['evaluation'], 'metric': []}}, 'must be text'),
    ({'a.b': 3}, "no field can be called 'a.b'"),
    ({'x': [{'\x1b[2J': 3}]}, r"no field can be called '\x1b[2J'"),
    ({'seed': 10**400}, ''),
  ],
)
def test_an_odd_config_of_a_run_is_named(
  tmp_path, capsys, command, change, message
):
  (tmp_path / 'config.json').write_text(json.dumps({**USED, **change}))
  flags = {
    'embed': ['--source=x'],
    'explain': ['--subject=a', '--out=x.png'],
    'export-torch': ['--out=x.pt'],
  }[command]
  assert main([command, f'--workdir={tmp_path}', *flags]) == 2
  error = capsys.readouterr().err
  assert error.startswith('error: ') and error.count('\n') == 1
  assert message in error
