import json
import traceback

import pytest

from gaitgs_jax.__main__ import main
from gaitgs_jax.apps import config_file, launch, overrides
from gaitgs_jax.errors import UserError
from gaitgs_jax.training import settings, workdirs


@pytest.mark.parametrize('name', config_file.names())
def test_a_runs_json_is_the_same_config(name, tmp_path):
  config = config_file.load(name)
  path = tmp_path / 'config.json'
  path.write_text(json.dumps(workdirs.as_json(config)))
  again = config_file.load(str(path))
  settings.check(again)
  assert again.to_dict() == config.to_dict()  # Tuples too.
  for options in again.inputs.values():
    assert isinstance(options.get('size', ()), tuple)


def test_the_packages_own_configs_are_found_anywhere(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  own = config_file.FOLDER / 'demo.py'
  for given in ('demo', 'demo.py', 'configs/demo.py'):
    assert config_file.find(given) == own
  config = config_file.load('gaitgraph2_oumvlp:openpose')
  assert config.dataset.variant == 'openpose'
  with pytest.raises(UserError, match='no config common: pass'):
    config_file.find('common')  # What they share is none.


def test_ones_own_file_comes_first(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  path = tmp_path / 'configs' / 'demo.py'
  path.parent.mkdir()
  path.write_text(
    'from ml_collections import ConfigDict\n'
    'def get_config(): return ConfigDict(dict(seed=5))\n'
  )
  assert config_file.load('configs/demo.py').seed == 5


def test_ones_own_config_starts_from_a_benchmark(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  # What lies around is not taken for the package's.
  for name in ('common.py', 'configs/common.py'):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text('raise ImportError(__file__)\n')
  (tmp_path / 'mine.py').write_text(
    'from gaitgs_jax.configs import common\n'
    'def get_config():\n'
    "  return common.run('own', 'casia_b', silhouettes=dict(size=(64, 44)))\n"
  )
  config = config_file.load('mine.py')
  assert (config.dataset.name, config.evaluation.protocol) == ('own', 'casia_b')


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
    ('nothing', None, 'no config .*nothing.* or one of casia_b, .* more$'),
    ('demos', None, r"no config .*demos \(did you mean 'demo'\?\): pass"),
    ('other/demo.py', None, 'no config .*other/demo.py'),
  ],
)
def test_what_is_not_a_config_is_reported(tmp_path, name, text, words):
  if text is not None and name != '.':
    data = text if isinstance(text, bytes) else text.encode()
    (tmp_path / name.partition(':')[0]).write_bytes(data)
  with pytest.raises(UserError, match=words):
    config_file.load(f'{tmp_path}/{name}')


@pytest.mark.parametrize(
  ('code', 'error'),
  [
    ('raise AttributeError("mine")', AttributeError),
    ('raise KeyError("mine")', KeyError),
    ('raise ValueError("mine")', ValueError),
    ('raise TypeError("mine")', TypeError),
    ('raise RecursionError("mine")', RecursionError),
    ('raise FileNotFoundError("mine")', FileNotFoundError),
    ('"mine".encode("utf-32").decode()', UnicodeDecodeError),
    ('eval("mine is")', SyntaxError),
    ('import mine', ImportError),
  ],
)
@pytest.mark.parametrize('inside', [True, False])
def test_what_a_configs_own_code_raises_keeps_its_traceback(
  tmp_path, code, error, inside
):
  path = tmp_path / 'c.py'
  path.write_text(f'def get_config():\n  {code}\n' if inside else code)
  with pytest.raises(error) as caught:
    launch.main(['launch.py', f'--config={path}', '--mode=show'])
  assert not isinstance(caught.value, (UserError, ModuleNotFoundError))
  places = [str(entry.path) for entry in caught.traceback]
  cause = caught.value.__cause__
  while cause is not None and (trace := cause.__traceback__):
    places += [frame.filename for frame in traceback.extract_tb(trace)]
    cause = cause.__cause__
  assert str(path) in places


def test_an_unknown_field_of_json_is_an_error(tmp_path):
  fields = workdirs.as_json(config_file.load('demo'))
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
    ({'dataset': {'name': ['own']}}, 'config.inputs is missing'),
    (
      {'dataset': {**USED['dataset'], 'size': 'x'}},
      "size is 'x'; it must be (h, w) of silhouettes",
    ),
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


@pytest.mark.parametrize(
  ('name', 'size'), [('demo', [64, 44]), ('demo_pose', [17, 3])]
)
def test_the_json_of_an_earlier_run_is_read(name, size, tmp_path):
  config = config_file.load(name)
  fields = workdirs.as_json(config)
  del fields['inputs'], fields['dataset']['pair']
  fields['dataset']['size'] = size
  path = tmp_path / 'config.json'
  path.write_text(json.dumps(fields))
  assert config_file.load(str(path)).to_dict() == config.to_dict()
  # A run may go on, too.
  workdirs.check_config(tmp_path, config, 0)
  del config.dataset.pair
  workdirs.check_config(tmp_path, config, 0)
  config.total_steps, config.seed = 10**6, 1
  with pytest.raises(UserError, match='seed was 0 and is 1'):
    workdirs.check_config(tmp_path, config, 0)


def test_the_claim_of_an_earlier_run_is_read(tmp_path):
  config = config_file.load('casia_b')
  fields = workdirs.as_json(config)
  fields['published']['size'] = fields['published'].pop('inputs')['silhouettes']
  path = tmp_path / 'config.json'
  path.write_text(json.dumps(fields))
  assert config_file.load(str(path)).to_dict() == config.to_dict()
  config.published.size = (64, 44)
  with pytest.raises(UserError, match=r'published\.size any more: .*inputs'):
    settings.check(config)


def test_a_field_of_an_earlier_version_says_where_it_is_now():
  config = config_file.load('demo')
  config.dataset.size = (64, 44)
  del config.inputs
  with pytest.raises(UserError, match=r'no config\.dataset\.size any more: .*'):
    settings.check(config)
  with pytest.raises(UserError, match=r'--config\.inputs\.silhouettes\.size'):
    overrides.make_room(
      config_file.load('demo'), ['--config.dataset.size=(64, 44)']
    )
