import csv
import json
import pathlib
import re
import signal
import subprocess
import sys
from unittest import mock

import jax
import numpy as np
import pytest
from training import tiny

from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import outcomes, protocols, result_files, walks
from gaitgs_jax.input import pipeline
from gaitgs_jax.training import (
  checkpoint,
  checks,
  evaluating,
  holding,
  loop,
  meshes,
  restoring,
  scoring,
  setup,
  writers,
)
from gaitgs_jax.training.stopping import Stopping


def _final_state(config, folder):
  _, like = setup.describe_state(config, meshes.create(**config.mesh))
  optimizer, _ = setup.create_optimizer(config)
  with checkpoint.Checkpoints(folder) as kept:
    return kept.restore(kept.latest(), like, optimizer)


def _steps(folder):
  with open(folder / 'metrics.csv', newline='') as file:
    return {int(row['step']): row for row in csv.DictReader(file)}


def _stop_at(monkeypatch, step):
  """Makes the next run be asked to stop once that step is made."""
  real = pipeline.train_batches

  def batches(*args, start_step=0, **options):
    stream = real(*args, start_step=start_step, **options)
    for number, batch in enumerate(stream, start_step + 1):
      if number == step + 4:  # Batches are made ahead of their use.
        signal.raise_signal(signal.SIGTERM)
      yield batch

  monkeypatch.setattr(pipeline, 'train_batches', batches)


def _whole_run(config, tmp_path):
  config.total_steps = 9
  config.checkpoint.every_steps = 100
  config.evaluation.every_steps = 100
  config.log_every = 1
  loop.train(config, tmp_path / 'whole')
  return tmp_path / 'whole'


@pytest.mark.parametrize('averaged_from', [1.0, 0.3])
def test_an_interrupted_run_ends_bit_for_bit_as_a_whole_one(
  averaged_from, config, tmp_path, monkeypatch, capsys
):
  config.average.start = averaged_from
  whole = _whole_run(config, tmp_path)
  parts = tmp_path / 'parts'
  with monkeypatch.context() as patch:
    _stop_at(patch, 4)
    loop.train(config, parts)
  out = capsys.readouterr().out
  assert 'the same command goes on from there' in out
  stopped = max(_steps(parts))
  assert 0 < stopped < 9
  loop.train(config, parts)
  assert f'going on from step {stopped}' in capsys.readouterr().out
  left, right = _final_state(config, whole), _final_state(config, parts)
  assert jax.tree.structure(left) == jax.tree.structure(right)
  for x, y in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True):
    assert np.asarray(x).tobytes() == np.asarray(y).tobytes()
  assert int(left.step) == 9
  first, second = _steps(whole), _steps(parts)
  assert list(first) == list(second) == list(range(1, 10))
  assert [r['loss'] for r in first.values()] == [
    r['loss'] for r in second.values()
  ]


def test_a_run_leaves_what_the_readme_says(
  config, tmp_path, capsys, monkeypatch
):
  config.evaluation.untrained = config.evaluation.baseline = True
  config.evaluation.verification = config.tensorboard = True
  config.losses.triplet.margin = 1000.0  # The loss stays there: an alarm.
  board = mock.Mock()
  monkeypatch.setattr(writers, '_open_tensorboard', lambda _: board)
  loop.train(config, tmp_path)
  for name in ('config.json', 'versions.json', 'parameters.txt'):
    assert (tmp_path / name).stat().st_size
  assert json.loads((tmp_path / 'config.json').read_text())['total_steps'] == 6
  labels = {p.stem for p in (tmp_path / 'evaluation').glob('*.json')}
  assert labels == {'untrained', 'gait_energy', 'step_000003', 'step_000006'}
  saved = result_files.load(tmp_path / 'evaluation' / 'step_000006.json')
  assert saved.meta['protocol'] == 'casia_b'
  assert 0 <= saved.result['NM/EER'] <= 100
  added = outcomes.load(tmp_path / 'evaluation' / 'step_000006.npz')
  assert added['NM/rank1'].number() == saved.result['NM/rank1']
  assert saved.meta['views'] == list(tiny.VIEWS)
  seen = walks.load(tmp_path / 'evaluation' / 'step_000006.walks.npz')
  assert set(seen.subjects) == {*tiny.SUBJECTS[4:]}
  shown = [call.args for call in board.write_images.call_args_list]
  assert [step for step, _ in shown] == [1, 2, 3, 4, 6]
  assert [*shown[0][1]] == ['batch/silhouettes']
  step, values = board.write_histograms.call_args.args
  assert step == 6 and 'weights/layers/0/kernel' in values
  rows = _steps(tmp_path)
  assert list(rows) == [2, 3, 4, 6]
  assert float(rows[6]['NM/rank1']) == saved.result['NM/rank1']
  assert rows[4]['learning_rate'] == '0.00999999978'
  assert rows[6]['learning_rate'] == '0.00100000005'
  out = capsys.readouterr().out
  assert out.count('protocol  CASIA-B') == 1
  assert out.count('alarm: all embeddings are nearly the same (triplet') == 1
  assert out.index('untrained') < out.index('step 2/6') < out.index('step 6/6')
  _, _, end = out.partition('step 6/6')
  assert re.search('gait_energy +untrained', end)


def test_a_finished_run_is_only_shown(config, tmp_path, capsys):
  config.total_steps = 2
  loop.train(config, tmp_path)
  before = (tmp_path / 'metrics.csv').read_text()
  # As an older version left them that was killed while it wrote.
  facts = [tmp_path / name for name in ('config.json', 'versions.json')]
  for path in facts:
    path.write_text(path.read_text()[:20])
  assert '\ntrained 2 steps' in capsys.readouterr().out
  loop.train(config, tmp_path)
  out = capsys.readouterr().out
  assert 'config.json is damaged' in out and '\nalready trained 2 steps' in out
  assert (tmp_path / 'metrics.csv').read_text() == before
  assert all(json.loads(path.read_text()) for path in facts)
  config.total_steps = 1
  with pytest.raises(
    UserError, match=r'is at step 2 already.*total_steps is 1'
  ):
    loop.train(config, tmp_path)


def test_an_evaluation_that_was_lost_is_made_up_for(config, tmp_path, capsys):
  config.total_steps = 2
  loop.train(config, tmp_path)
  path = tmp_path / 'evaluation' / 'step_000002.json'
  before = path.read_text()
  for lose in (path.unlink, lambda: path.write_text(before[:30])):
    lose()
    loop.train(config, tmp_path)
    assert path.read_text() == before
  assert f'it is {path.name}.damaged now' in capsys.readouterr().out


def test_the_best_is_kept_when_its_evaluation_was_interrupted(
  config, tmp_path, monkeypatch, capsys
):
  found = {3: 90.0, 6: 10.0, 9: 20.0}
  model, asked = scoring.Scorer.model, []

  def stop_once(self, *arguments):
    asked.append(arguments[0])
    if len(asked) == 1:
      raise scoring.Stopped
    return model(self, *arguments)

  monkeypatch.setattr(scoring.Scorer, 'model', stop_once)
  for key in found:
    monkeypatch.setattr(scoring, 'headline', lambda *_, key=key: found[key])
    config.total_steps = key
    loop.train(config, tmp_path)
    if key == 3:  # It was interrupted.
      loop.train(config, tmp_path)
  assert asked == [f'step_00000{step}' for step in (3, 3, 6, 9)]
  assert checkpoint.choose(tmp_path, 'best').name == '3'
  capsys.readouterr()
  evaluating.evaluate(config, tmp_path, 'best')
  out = capsys.readouterr().out
  assert 'step 3 is the best of its run: mean rank-1 90.0 (protocol cas' in out
  assert 'euclidean distance, the 2 test subjects of casia_b)' in out


def test_a_stop_in_a_first_evaluation_makes_no_step(
  config, tmp_path, monkeypatch, capsys
):
  config.total_steps = config.checkpoint.every_steps = 3
  config.evaluation.protocol = ''
  loop.train(config, tmp_path)
  config.total_steps, config.evaluation.protocol = 9, 'casia_b'
  batches = pipeline.evaluation_batches

  def stopped(*args, **options):
    signal.raise_signal(signal.SIGTERM)
    return batches(*args, **options)

  monkeypatch.setattr(pipeline, 'evaluation_batches', stopped)
  loop.train(config, tmp_path)
  assert 'stopped at step 3, saved' in capsys.readouterr().out
  assert checkpoint.find(tmp_path).name == '3'


def test_an_evaluation_that_fails_loses_no_step(config, tmp_path, monkeypatch):
  def fail(*_):
    raise UserError('a test sequence cannot be read')

  monkeypatch.setattr(scoring.Scorer, 'model', fail)
  with pytest.raises(UserError, match='a test sequence'):
    loop.train(config, tmp_path)
  assert checkpoint.find(tmp_path).name == '3'


def test_training_goes_on_when_total_steps_grows(config, tmp_path):
  config.total_steps = 2
  loop.train(config, tmp_path)
  config.total_steps = 4
  loop.train(config, tmp_path)
  assert int(_final_state(config, tmp_path).step) == 4


def test_evaluate_agrees_with_the_run_on_more_devices(config, tmp_path, capsys):
  loop.train(config, tmp_path / 'run')
  trained = result_files.load(
    tmp_path / 'run' / 'evaluation' / 'step_000006.json'
  )
  (tmp_path / 'run' / 'evaluation' / 'step_000006.json').unlink()
  config.mesh.data = -1
  evaluating.evaluate(config, tmp_path / 'run')
  again = result_files.load(
    tmp_path / 'run' / 'evaluation' / 'step_000006.json'
  )
  assert again.result.keys() == trained.result.keys()
  assert again.result['NM/rank1'] == trained.result['NM/rank1']
  capsys.readouterr()
  step = tmp_path / 'run' / 'checkpoints' / '4'
  evaluating.evaluate(config, tmp_path / 'other', step)
  label = 'run_step_000004'
  assert (tmp_path / 'other' / 'evaluation' / f'{label}.json').exists()
  assert label in capsys.readouterr().out


def test_a_loss_that_is_not_finite_keeps_the_last_checkpoint(config, tmp_path):
  config.evaluation.every_steps = 100
  config.total_steps = 2
  config.optimizer = dict(name='sgd', learning_rate=1e-3, momentum=0.0)
  config.schedule = dict(name='step', boundaries=(2,), factor=1e38)
  loop.train(config, tmp_path)
  config.total_steps = 50
  with pytest.raises(
    UserError, match=r'not finite at step \d+: .*triplet'
  ) as e:
    loop.train(config, tmp_path)
  assert any(f'{subject}/nm-0' in str(e.value) for subject in tiny.SUBJECTS[:4])
  state = _final_state(config, tmp_path)
  assert int(state.step) == 2
  assert all(np.isfinite(x).all() for x in jax.tree.leaves(state.params))


def test_weights_that_are_not_finite_are_not_saved(config, tmp_path):
  # The first update already overflows; its own loss and gradient are finite.
  config.total_steps = 1
  config.optimizer = dict(name='sgd', learning_rate=1e38, momentum=0.0)
  config.losses.view.weight = 1e3
  with pytest.raises(UserError, match='weights are not finite after step 1'):
    loop.train(config, tmp_path)
  with checkpoint.Checkpoints(tmp_path) as kept:
    assert kept.latest() is None


def test_another_config_is_refused(config, tmp_path):
  config.total_steps = 2
  loop.train(config, tmp_path)
  config.model.features = 6
  with pytest.raises(UserError, match=r'model.features was 4 and is 6'):
    loop.train(config, tmp_path)
  with pytest.raises(UserError, match='holds a different model: params/'):
    evaluating.evaluate(config, tmp_path)


def test_a_run_that_saved_nothing_may_change_its_config(config, tmp_path):
  config.total_steps = 1
  config.model.num_views = 3
  with pytest.raises(UserError, match='num_views'):
    loop.train(config, tmp_path)
  config.model.num_views = 11
  # Times the loss it is beyond float32.
  config.losses.view.weight = 3e38
  with pytest.raises(UserError, match='not finite'):
    loop.train(config, tmp_path)
  config.losses.view.weight = 0.2
  loop.train(config, tmp_path)


def test_a_workdir_in_use_is_refused(config, tmp_path):
  with (
    holding.hold(tmp_path),
    pytest.raises(UserError, match='another run'),
  ):
    loop.train(config, tmp_path)


@pytest.mark.parametrize(
  'change, words',
  [
    (lambda c: c.batch.update(subjects=5), 'subjects'),
    (lambda c: c.batch.update(sequences=99), 'sequences'),
    (lambda c: c.mesh.update(data=3), '4 subjects x 2 sequences = 8 rows'),
    (lambda c: c.losses.triplet.update(margn=1), "no field 'margn'"),
    (lambda c: c.losses.update(triplett={'weight': 1.0}), "'triplett'"),
    (lambda c: c.losses.update(identity={'weight': 1.0}), 'identity head'),
    (lambda c: c.model.update(num_views=3), r'num_views is 3.*11 views'),
    (
      lambda c: c.inputs.silhouettes.update(size=(8, 8)),
      r'config.model, at config.inputs.silhouettes.size=\(8, 8\)',
    ),
    (lambda c: c.dataset.update(root='/nowhere'), '/nowhere'),
    (lambda c: c.evaluation.update(protocol='casia'), 'casia'),
    (lambda c: c.evaluation.update(metric='manhattan'), 'manhattan'),
    (lambda c: setattr(c, 'augment', ({'name': 'flop'},)), 'flop'),
  ],
)
def test_bad_input_is_a_sentence(config, tmp_path, change, words):
  with config.unlocked():
    change(config)
  with pytest.raises(UserError, match=words):
    loop.train(config, tmp_path)


@pytest.mark.parametrize(
  'change, words',
  [
    (lambda c: c.batch.update(sampler='instance'), "mean 'instances'"),
    (lambda c: c.batch.update(sampler='all'), "batch.frames_rule='all'"),
    (lambda c: c.batch.update(frames_rule='fxed'), "'fxed' .*'fixed'"),
    (lambda c: c.batch.update(subjects=0), 'batch.subjects is 0; it must be'),
    (lambda c: c.batch.update(frame=3), "no field 'frame' .*'frames'"),
    (lambda c: c.mesh.update(data=3), '= 8 rows'),
    (lambda c: c.dataset.update(cache='disk'), "cache is 'disk'"),
    (lambda c: c.dataset.update(name='casia-b'), "did you mean 'casia_b'"),
    (
      lambda c: c.inputs.silhouettes.update(size=(64,)),
      r'silhouettes.size is \(64,\); .* must be \(h, w\)',
    ),
    (lambda c: c.dataset.update(on_error='stop'), "on_error is 'stop'"),
    (lambda c: c.evaluation.update(protocol='casia-b'), "mean 'casia_b'"),
    (lambda c: c.evaluation.update(metric='cosin'), "mean 'cosine'"),
    (lambda c: c.evaluation.update(transform=({'name': 'shift'},)), 'random'),
    (
      lambda c: c.update(augment=({'name': 'rotation', 'degrees': 'x'},)),
      'degrees is',
    ),
    (lambda c: c.losses.update(triplett={'weight': 1.0}), "mean 'triplet'"),
    (lambda c: c.losses.triplet.update(margin='x'), 'config.losses'),
    (lambda c: c.optimizer.update(weight_decay='x'), 'config.optimizer'),
    (lambda c: c.average.update(statistics_steps=-1), 'statistics_steps is -1'),
  ],
)
def test_a_wrong_config_is_found_before_the_data_is_opened(
  config, tmp_path, monkeypatch, change, words
):
  monkeypatch.setattr(setup, 'open_data', None)
  with config.unlocked(), config.ignore_type():
    change(config)
  with pytest.raises(UserError, match=words):
    loop.train(config, tmp_path)


@pytest.mark.parametrize(
  'change, words',
  [
    (lambda c: c.batch.update(subjects=8), 'only 4 training subjects'),
    (lambda c: c.batch.update(sequences=10), 'has more than 8 sequences'),
    (lambda c: c.update(seed=-1), 'seed is -1'),
  ],
)
def test_a_batch_that_the_data_lacks_is_found_before_any_work(
  config, tmp_path, monkeypatch, change, words
):
  monkeypatch.setattr(scoring, 'Scorer', None)
  change(config)
  with pytest.raises(UserError, match=words):
    loop.train(config, tmp_path)


def test_data_that_memory_cannot_hold_is_found_before_any_work(config):
  data = setup.open_data(config)
  rows = np.arange(len(data.source.index))
  size = int(data.source.index.length.sum()) * 8 * 6
  checks._check_memory([(data.source, rows)], size)
  with pytest.raises(UserError, match=r"cache is 'ram', but 48 sequences of"):
    checks._check_memory([(data.source, rows)], size - 1)


def test_a_batch_of_an_evaluation_must_fit_in_memory(config, monkeypatch):
  data = setup.open_data(config)
  frames = data.source.index.length[data.test]
  monkeypatch.setattr(checks, '_memory', lambda: int(frames.max()) * 8 * 6)
  config.evaluation.batch_frames = 1
  checks.check_evaluation(config, data, 1)
  with pytest.raises(
    UserError, match=r'evaluation.batch_frames and .* a batch'
  ):
    checks.check_evaluation(config, data, 2)
  config.evaluation.batch_frames = 10**9
  with pytest.raises(
    UserError, match=r'evaluation.batch_frames and .* a batch'
  ):
    checks.check_evaluation(config, data, 1)


@pytest.mark.parametrize(
  ('path', 'value', 'words'),
  [
    (('batch', 'frames'), 900_000, 'batch: .* x 2 sequences of 900,000 frames'),
    (('model', 'features'), 10**6, 'of weights, and this machine has 0.1 GB'),
  ],
)
def test_a_batch_or_model_beyond_memory_is_found_before_any_work(
  config, tmp_path, monkeypatch, path, value, words
):
  monkeypatch.setattr(checks, '_memory', lambda: 10**8)
  monkeypatch.setattr(setup, 'create_state', None)
  config.dataset.cache = ''
  config[path[0]][path[1]] = value
  with pytest.raises(UserError, match=words):
    loop.train(config, tmp_path)


def test_a_wrong_evaluation_is_found_before_the_model_is_read(
  config, tmp_path, monkeypatch
):
  config.total_steps = 1
  config.evaluation.protocol = ''
  loop.train(config, tmp_path)
  monkeypatch.setattr(restoring, 'restore_model', None)
  for protocol, words in (('', "unknown protocol ''"), ('oumvlp', 'gallery')):
    config.evaluation.protocol = protocol
    with pytest.raises(UserError, match=words):
      evaluating.evaluate(config, tmp_path)


def test_an_evaluation_can_be_stopped(config, tmp_path):
  mesh = meshes.create(1)
  _, like = setup.describe_state(config, mesh)
  state = setup.create_state(config, like)
  graphdef, _ = setup.describe_state(config, mesh)
  with Stopping() as stopping:
    scorer = scoring.Scorer(
      config, setup.open_data(config), graphdef, mesh, tmp_path, stopping
    )
    signal.raise_signal(signal.SIGTERM)
    with pytest.raises(scoring.Stopped):
      scorer.model('untrained', state.params, state.stats)
  assert not scorer.has('untrained')


def test_rank1_is_the_mean_over_conditions():
  numbers = {'NM/rank1': 90.0, 'CL/rank1': 50.0, 'NM/probes': 4.0}
  casia_b, gait3d = map(protocols.get_protocol, ('casia_b', 'gait3d'))
  assert scoring.headline(numbers, casia_b) == 70.0
  assert scoring.headline({'NM/rank1': float('nan')}, casia_b) == -1.0
  assert scoring.headline({'rank1': 8.0, 'rank5': 9.0}, gait3d) == 8.0


def test_without_a_protocol_nothing_is_evaluated(config, tmp_path):
  config.evaluation.protocol = ''
  config.evaluation.untrained = config.evaluation.baseline = True
  loop.train(config, tmp_path)
  assert not (tmp_path / 'evaluation').exists()
  assert int(_final_state(config, tmp_path).step) == 6


def test_a_protocol_that_finds_nothing_is_told_before_training(
  config, tmp_path, monkeypatch
):
  monkeypatch.setattr(setup, 'create_state', None)
  config.evaluation.protocol = 'oumvlp'
  with pytest.raises(
    UserError, match=r"no gallery .*'oumvlp'.*bg-01.*to train"
  ):
    loop.train(config, tmp_path)


CONFIG = """
from training import tiny

def get_config():
  config = tiny.get_config({root!r})
  config.total_steps = 1_000_000
  config.log_every = 20
  config.evaluation.every_steps = 1_000_000
  config.checkpoint.every_steps = 1_000_000
  return config
"""


@pytest.mark.parametrize(
  'number, status', [(signal.SIGTERM, 0), (signal.SIGINT, 130)]
)
def test_a_signal_saves_and_exits_cleanly(tree, tmp_path, number, status):
  path = tmp_path / 'config.py'
  path.write_text(CONFIG.format(root=str(tree)))
  program = pathlib.Path(__file__).with_name('tiny.py')
  run = tmp_path / 'run'
  process = subprocess.Popen(
    [sys.executable, program, f'--config={path}', f'--workdir={run}'],
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
    env=tiny.environment(),
  )
  try:
    for line in process.stdout:
      if line.startswith('step'):
        break
    process.send_signal(number)
    out, err = process.communicate(timeout=120)
  finally:
    process.kill()
  assert process.returncode == status, err
  assert 'Traceback' not in err
  assert 'the same command goes on from there' in out
  step = int(out.split('stopped at step ')[1].split(',')[0])
  assert checkpoint.find(run).name == str(step)
