import json
import re
import shutil

import cv2
import numpy as np
import pytest
from training import tiny

import gaitgs_jax
from gaitgs_jax import __main__ as command
from gaitgs_jax import models
from gaitgs_jax.apps import config_file, embed, silhouettes, sources, trained
from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import distance
from gaitgs_jax.input.index import make
from gaitgs_jax.training import loop
from gaitgs_jax.video import pipeline, quality
from gaitgs_jax.video.walks import Walk


@pytest.fixture(scope='module')
def run(tmp_path_factory):
  """A trained run and the tree it was trained on."""
  folder = tmp_path_factory.mktemp('embed')
  tiny.write_tree(folder / 'tree')
  config = tiny.get_config(folder / 'tree')
  config.total_steps = 1
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(models, 'create', tiny.create)
    loop.train(config, folder / 'run')
    yield folder


def _embed(run, *options):
  if not any(option.startswith('--source') for option in options):
    options = (f'--source={run / "tree"}', *options)
  return command.main(['embed', f'--workdir={run / "run"}', *options])


def test_a_tree_is_embedded_with_the_runs_own_config(run, capsys):
  out = run / 'embeddings.npz'
  assert _embed(run, f'--out={out}', '--batch-frames=50') == 0
  text = capsys.readouterr().out
  assert '48 sequences, euclidean distances' in text
  saved = np.load(out)
  assert saved['embeddings'].shape == (48, 8, 4)
  assert saved['subject'].tolist() == sorted(tiny.SUBJECTS * 8)
  matrix = distance.pairwise(saved['embeddings'], saved['embeddings'])
  same = saved['subject'][:, None] == saved['subject'][None]
  within = np.asarray(matrix)[same & ~np.eye(48, dtype=bool)].mean()
  assert f'same subject: {within:.3f}' in text


def test_the_people_of_a_video_are_embedded(run, capsys, monkeypatch):
  seen = quality.judge(Walk(1, frames=[0]), 'video-01', 25.0)

  def write(given, out, settings):
    # Of the height that the model sees.
    assert given == 'walks.mp4' and settings == pipeline.Settings(size=8)
    shutil.copytree(run / 'tree', out)
    return [seen], 1

  monkeypatch.setattr(silhouettes, 'write', write)
  assert _embed(run) == 0
  distances = capsys.readouterr().out
  assert _embed(run, '--source=walks.mp4') == 0
  assert capsys.readouterr().out == f'{seen.line()}\n{distances}'


@pytest.mark.parametrize(
  ('sizes', 'words'),
  [
    ({'silhouettes': (64, 44), 'parsing': (64, 44)}, 'but the model sees pars'),
    ({'keypoints': (18, 3)}, '17 joints (COCO), but those that the model sees'),
  ],
)
def test_what_a_video_does_not_give_is_said_before_it_is_watched(sizes, words):
  with (
    pytest.raises(UserError, match=re.escape(words)),
    sources.as_tree('none.WMV', sizes),
  ):
    pass


def test_a_dtype_of_its_own(run, monkeypatch):
  asked = []

  def create(*args, dtype, **config):
    asked.append(dtype)
    return tiny.create(*args, **config)

  monkeypatch.setattr(models, 'create', create)
  assert _embed(run) == _embed(run, '--dtype=bfloat16') == 0
  assert set(asked[: len(asked) // 2]) == {'float32'}
  assert set(asked[len(asked) // 2 :]) == {'bfloat16'}


def test_the_matrix_is_shown_for_a_few(capsys):
  index = make([('a', 'nm-01', '000', 9), ('b', 'nm-01', '000', 9)])
  matrix = np.array([[0.0, 0.5], [0.5, 0.0]])
  lines = embed.describe(index, matrix, 'cosine').splitlines()
  assert lines[0] == '2 sequences, cosine distances'
  assert lines[2].split() == ['1', 'a/nm-01/000', '0.000', '0.500']
  assert lines[4] == 'mean distance of different subjects: 0.500'
  assert len(lines) == 5


def test_a_python_config_gives_the_same(run, tmp_path, capsys):
  path = tmp_path / 'config.py'
  path.write_text(
    'from training import tiny\n'
    f'def get_config(): return tiny.get_config({str(run / "tree")!r})\n'
  )
  assert _embed(run) == 0
  plain = capsys.readouterr().out
  assert _embed(run, f'--config={path}') == 0
  assert capsys.readouterr().out == plain


@pytest.mark.parametrize(
  'options, words',
  [
    (('--config=/nowhere/c.py',), 'no config /nowhere/c.py'),
    (('--config=/nowhere/c.json',), 'no config /nowhere/c.json'),
    (('--config=/nowhere/c.yaml',), 'no config /nowhere/c.yaml'),
    (('--checkpoint=/nowhere',), 'no checkpoint in /nowhere'),
    (('--source=/nowhere',), '/nowhere'),
    (('--out=/dev/null/x.npz',), 'cannot write /dev/null/x.npz'),
  ],
)
def test_wrong_paths_are_sentences(run, capsys, options, words):
  assert _embed(run, *options) == 2
  error = capsys.readouterr().err
  assert error.startswith('error: ') and words in error


def test_walks_of_any_layout_are_embedded(run, tmp_path, capsys):
  raw = np.zeros((6, 90, 70), np.uint8)
  raw[:, 20:80, 30:50] = 255
  raw[3, 60:80, 30:35] = 0
  folder = tmp_path / 'walks' / 'ada'
  folder.mkdir(parents=True)
  np.save(tmp_path / 'walks' / 'long.npy', np.concatenate([raw] * 9))
  for number, frame in enumerate(raw):
    cv2.imwrite(str(folder / f'{number}.png'), frame)
  out = tmp_path / 'x.npz'
  words = (f'--source={tmp_path / "walks"}', f'--out={out}')
  assert _embed(run, *words, '--batch-frames=1') == 0
  text = capsys.readouterr().out
  assert '1 ada' in text and '2 long.npy' in text
  # Nobody said who walks.
  assert 'subject' not in text
  saved = np.load(out)
  assert saved['condition'].tolist() == ['ada', 'long.npy']
  model = gaitgs_jax.load(run / 'run')
  wanted = model.embed([raw, np.concatenate([raw] * 9)])
  np.testing.assert_allclose(saved['embeddings'], wanted, rtol=1e-5, atol=1e-6)
  # A folder of one walk.
  assert _embed(run, f'--source={folder}', f'--out={out}') == 0
  saved = np.load(out)
  assert saved['condition'].tolist() == ['ada']
  np.testing.assert_allclose(
    saved['embeddings'], wanted[:1], rtol=1e-5, atol=1e-6
  )


def test_a_model_that_saw_no_real_people_says_so(run, tmp_path, capsys):
  config = json.loads((run / 'run' / 'config.json').read_text())
  assert _embed(run) == 0
  assert 'real people' not in capsys.readouterr().out
  config['dataset']['name'] = 'synthetic_walkers'
  path = tmp_path / 'config.json'
  path.write_text(json.dumps(config))
  assert _embed(run, f'--config={path}') == 0
  output = capsys.readouterr().out
  assert 'note: this model was trained on synthetic walkers alone' in output


def test_more_walks_than_are_printed_need_a_file(
  run, tmp_path, capsys, monkeypatch
):
  monkeypatch.setattr(embed, '_MEASURED', 47)
  computed = []
  restore = trained.restore
  monkeypatch.setattr(
    trained, 'restore', lambda *args: computed.append(1) or restore(*args)
  )
  assert _embed(run) == 2
  error = capsys.readouterr().err
  assert 'has 48 sequences, but distances are printed of up to 47' in error
  assert not computed
  out = tmp_path / 'x.npz'
  assert _embed(run, f'--out={out}') == 0
  assert capsys.readouterr().out == f'wrote {out}: 48 embeddings\n'
  assert len(np.load(out)['embeddings']) == 48


def test_json_that_is_none_is_named(tmp_path):
  path = tmp_path / 'config.json'
  path.write_text('{')
  with pytest.raises(UserError, match=r'config\.json is not JSON'):
    config_file.load(str(path))
