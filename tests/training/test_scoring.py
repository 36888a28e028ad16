import csv
import json

import pytest
from training import tiny

from gaitgs_jax.apps import report as report_app
from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import result_files
from gaitgs_jax.training import loop, meshes, scoring, setup

RULES = {
  'gallery': {'condition': 'nm-*'},
  'probes': {'condition': 'bg-*'},
  'dropped': ['subject', 'view'],
}


def evaluate(config, workdir):
  """Evaluates the baseline of a run; returns the scorer."""
  mesh = meshes.create(1)
  graphdef, _ = setup.describe_state(config, mesh)
  scorer = scoring.Scorer(
    config, setup.open_data(config), graphdef, mesh, workdir
  )
  scorer.baseline(again=True)
  scorer.show()
  return scorer


@pytest.fixture(name='score')
def make_score(config, tmp_path, capsys):
  """Returns what evaluates by rules, and gives what is printed."""
  path = tmp_path / 'corridor.json'
  config.evaluation.protocol = str(path)

  def score(**rules):
    path.write_text(json.dumps({**RULES, **rules}))
    scorer = evaluate(config, tmp_path)
    return scorer, capsys.readouterr().out

  return score


def test_a_run_counts_by_a_protocol_of_ones_own(score, tmp_path):
  scorer, out = score()
  assert 'protocol  corridor (corridor, ' in out
  assert 'rank-5' in out
  path = tmp_path / 'evaluation' / 'gait_energy.json'
  saved = result_files.load(path)
  assert saved.meta['protocol'] == 'corridor'
  assert saved.meta['fingerprint'] in scorer.basis
  assert saved.meta['rules']['dropped'] == ['subject', 'view']
  assert saved.result['probes'] == 2 * len(tiny.VIEWS)
  # Other rules under the same name are not put beside it, here or on a page.
  path.rename(path.with_stem('before'))
  _, out = score(dropped=['subject'], gallery={}, mean_over='views')
  assert 'before' not in out
  (tmp_path / 'corridor.json').unlink()
  groups = report_app.read_groups(tmp_path, {})
  assert len(groups) == 2
  page = report_app.build(tmp_path, {}, groups)
  assert 'mean over probe views' in page and saved.meta['fingerprint'] in page


def test_a_score_says_how_many_frames_it_is_of(config, score):
  scorer, _ = score()
  assert 'frames' not in scorer.basis
  config.evaluation.frames_max = 2
  scorer, _ = score()
  assert ', the first 2 frames, the 2 test subjects' in scorer.basis


def test_a_run_writes_its_submission(score, tmp_path):
  _, out = score(submission='hid')
  path = tmp_path / 'evaluation' / 'gait_energy.csv'
  assert f'submission: {path}' in out
  with open(path, newline='') as file:
    header, *lines = csv.reader(file)
  assert header == ['videoID', 'label']
  assert len(lines) == 2 * len(tiny.VIEWS)
  assert {line[1] for line in lines} <= set(tiny.SUBJECTS)
  saved = result_files.load(tmp_path / 'evaluation' / 'gait_energy.json')
  assert saved.result.keys() == {'probes', 'subjects'}


def test_the_probes_of_a_partition(config, tmp_path):
  partition = tmp_path / 'people.json'
  *train, one, other = tiny.SUBJECTS
  probes = [f'{one}-bg-01-000', f'{one}-bg-01-090', f'{other}-bg-01-000']
  sets = {'TRAIN_SET': train, 'TEST_SET': [one, other], 'PROBE_SET': probes}
  partition.write_text(json.dumps(sets))
  config.dataset.partition = str(partition)
  config.evaluation.protocol = 'gait3d'
  evaluate(config, tmp_path)
  found = result_files.load(tmp_path / 'evaluation' / 'gait_energy.json').result
  assert found['probes'] == 3
  assert found['subjects'] == 2
  # All the others: two of 8 walks in two views, less the probes.
  assert len(found['CMC']) == 13
  assert found['CMC'][-1] == 100


def test_a_wrong_file_ends_a_run_before_any_work(config, tmp_path, monkeypatch):
  monkeypatch.setattr(setup, 'open_data', None)
  config.evaluation.protocol = str(tmp_path / 'x.json')
  (tmp_path / 'x.json').write_text('{"gallery": {}, "probe": {}}')
  with pytest.raises(UserError, match=r"no field 'probe'.*'probes'"):
    loop.train(config, tmp_path)
