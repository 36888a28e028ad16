"""The file of `gaitgs export`, and its loader."""

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from training import tiny

import gaitgs_jax
from gaitgs_jax import __main__ as command
from gaitgs_jax import exported, models
from gaitgs_jax.training import loop

LOADER = exported.__file__


@pytest.fixture(scope='module')
def run(tmp_path_factory):
  """A run, its embedder and its file, of a model with a head for views."""
  folder = tmp_path_factory.mktemp('export')
  tiny.write_tree(folder / 'tree')
  config = tiny.get_config(folder / 'tree')
  config.total_steps = 1
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(models, 'create', tiny.create)
    loop.train(config, folder / 'run')
    words = [f'--workdir={folder / "run"}', f'--out={folder / "model.gait"}']
    assert command.main(['export', *words]) == 0
    yield folder, gaitgs_jax.load(folder / 'run')


@pytest.fixture
def path(run):
  return run[0] / 'model.gait'


def _walks(*lengths):
  random = np.random.default_rng(0)
  return [random.integers(0, 256, (n, 8, 6), np.uint8) for n in lengths]


def test_it_embeds_as_the_live_model_does(run, path):
  walks = _walks(5, 40, 16, 7)
  right = run[1].embed(walks)
  model = exported.load(path)
  for rows in (1, 3):
    found = model.embed(walks, rows=rows)
    np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-6)
  assert found.dtype == np.float32
  np.testing.assert_array_equal(
    model.embed({'silhouettes': walks[1]}), model.embed(walks[1])
  )
  wide = np.pad(walks[0], ((0, 0), (0, 0), (1, 1)))
  assert model.facts['inputs']['silhouettes']['shape'] == [8, 8]
  np.testing.assert_array_equal(model.embed(wide), model.embed(walks[0]))
  assert model.facts['fingerprint'] == run[1].fingerprint


def test_weights_that_an_embedding_does_not_need_are_left_out(path):
  with zipfile.ZipFile(path) as archive:
    facts = json.loads(archive.read(exported.FACTS))
    size = archive.getinfo(exported.WEIGHTS).file_size
  names = [name for name, _, _ in facts['weights']]
  assert 'params/layers/0/kernel' in names and 'stats/norm/mean' in names
  assert not [name for name in names if 'views' in name]
  assert size == 4 * sum(
    int(np.prod(shape)) for _, _, shape in facts['weights']
  )


def test_the_loader_alone_needs_jax_and_numpy_alone(run, path, tmp_path):
  shutil.copy(LOADER, tmp_path / 'loader.py')
  (walk,) = _walks(20)
  np.save(tmp_path / 'walk.npy', walk)
  program = f"""
import sys
for name in ('gaitgs_jax', 'flax', 'optax', 'orbax', 'tensorflow', 'absl',
             'ml_collections', 'clu', 'cv2', 'PIL', 'pickle5'):
  sys.modules[name] = None  # Importing it raises ImportError.
import loader, numpy as np
model = loader.load({str(path)!r})
np.save('found.npy', model.embed(np.load('walk.npy')))
"""
  environment = {
    k: v for k, v in os.environ.items() if k not in ('PYTHONPATH', 'XLA_FLAGS')
  }
  subprocess.run(
    [sys.executable, '-c', program], check=True, cwd=tmp_path, env=environment
  )
  np.testing.assert_allclose(
    np.load(tmp_path / 'found.npy'), run[1].embed(walk), rtol=1e-5, atol=1e-6
  )


def test_walks_that_do_not_fit_are_messages(path):
  model = exported.load(path)
  (walk,) = _walks(5)
  for given, words in (
    (walk[0], r'walk 0: silhouettes are uint8 \[s,8,8\], not uint8 \[8, 6\]'),
    (walk.astype(float), 'not float64'),
    (walk.repeat(9, 1), r'not uint8 \[5, 72, 6\]'),
    (walk.repeat(2, 2), r'not uint8 \[5, 8, 12\]'),
    (walk[:0], 'has 0 frames; 1 to 960 can be embedded'),
    (walk.repeat(193, 0), 'has 965 frames'),
    ({'keypoints': walk}, 'has keypoints, but the model sees silhouettes'),
    ([walk, walk[0]], 'walk 1: '),
    ([], 'there are no walks'),
  ):
    with pytest.raises(ValueError, match=words):
      model.embed(given)


def _changed(path, **facts):
  """Returns the file's bytes with other facts."""
  buffer = io.BytesIO()
  with zipfile.ZipFile(path) as old, zipfile.ZipFile(buffer, 'w') as new:
    for name in old.namelist():
      data = old.read(name)
      if name == exported.FACTS:
        data = json.dumps(json.loads(data) | facts)
      new.writestr(name, data)
  return buffer.getvalue()


def _damaged(data, place):
  changed = bytearray(data)
  changed[place] ^= 1
  return bytes(changed)


def test_a_torn_or_foreign_file_is_one_message(path, tmp_path):
  whole = path.read_bytes()
  start = whole.index(exported.WEIGHTS.encode()) + 100
  other = tmp_path / 'other'
  cases = {
    'nothing': b'',
    'foreign': b'\x80\x04N.' * 50,
    'torn': whole[: len(whole) // 2],
    'one bit': _damaged(whole, start),
    'another format': _changed(path, format='something'),
    'no facts': _changed(path, weights=None),
    'weights of objects': _changed(path, weights=[['a', 'object', [1]]]),
    'weights cut short': _changed(path, weights=[['a', 'float32', [3]]]),
    'weights too long': _changed(path, weights=[['a', 'float32', [1 << 40]]]),
    'weights of no size': _changed(path, weights=[['a', 'float32', [-1]]]),
  }
  for what, data in cases.items():
    other.write_bytes(data)
    with pytest.raises(ValueError, match='or is damaged') as error:
      exported.load(other)
    assert str(error.value).startswith(f'{other}: is not a file of'), what
  other.write_bytes(_changed(path, version=2))
  with pytest.raises(ValueError, match='is of version 2, but this loader'):
    exported.load(other)
  with pytest.raises(FileNotFoundError):
    exported.load(tmp_path / 'missing')


def test_the_command_writes_the_same_again(run, path, monkeypatch, capsys):
  monkeypatch.setattr(models, 'create', tiny.create)
  words = ['export', f'--workdir={run[0] / "run"}', f'--out={path}x']
  assert command.main(words) == 0
  assert 'for cpu, cuda, tpu' in capsys.readouterr().out
  run[1].export(f'{path}x')
  with zipfile.ZipFile(path) as one, zipfile.ZipFile(f'{path}x') as other:
    for name in (exported.FACTS, exported.WEIGHTS):
      assert one.read(name) == other.read(name)
  assert command.main([*words[:2], f'--out={path.parent}']) == 2
  assert 'error: cannot write' in capsys.readouterr().err
