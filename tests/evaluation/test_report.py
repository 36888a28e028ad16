import json
import os

import numpy as np
import pytest

from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import report, result_files

RESULT = {
  'NM/rank1': 62.5,
  'NM/rank1_by_view': np.array([[100.0, 50.0], [75.0, np.nan]]),
  'NM/probes': 1100.0,
  'NM/subjects': 50.0,
}


def test_a_saved_result_comes_back(tmp_path):
  path = tmp_path / 'evaluation' / 'untrained.json'
  result_files.save(RESULT, path, protocol='casia_b', views=['000', '090'])
  saved = result_files.load(path)
  assert saved.meta == {'protocol': 'casia_b', 'views': ['000', '090']}
  assert saved.result.keys() == RESULT.keys()
  for key, value in RESULT.items():
    np.testing.assert_array_equal(saved.result[key], value)
  assert isinstance(saved.result['NM/rank1'], float)
  assert os.listdir(path.parent) == ['untrained.json']


def test_nan_is_standard_json(tmp_path):
  path = tmp_path / 'x.json'
  result_files.save({'NM/rank1': float('nan')}, path)
  assert json.loads(path.read_text()) == {'result': {'NM/rank1': None}}
  assert np.isnan(result_files.load(path).result['NM/rank1'])


def test_a_failed_save_keeps_the_earlier_file(tmp_path, monkeypatch):
  path = tmp_path / 'x.json'
  result_files.save({'NM/rank1': 1.0}, path)

  def full(*arguments):
    raise OSError(28, 'No space left on device')

  monkeypatch.setattr(os, 'replace', full)
  with pytest.raises(UserError, match=r'x\.json: No space left'):
    result_files.save({'NM/rank1': 2.0}, path)
  assert result_files.load(path).result == {'NM/rank1': 1.0}
  assert os.listdir(tmp_path) == ['x.json']


@pytest.mark.parametrize(
  'text', ['', '[1, 2]', '{"protocol": "casia_b"}', '{"result": {"a": "b"}}']
)
def test_a_broken_file_is_named(tmp_path, text):
  path = tmp_path / 'broken.json'
  path.write_text(text)
  with pytest.raises(UserError, match=r'broken\.json is not an evaluation'):
    result_files.load(path)
  with pytest.raises(UserError, match=r'cannot read .*absent\.json'):
    result_files.load(tmp_path / 'absent.json')


def test_one_result_has_a_column_per_view():
  text = report.table({'step 300': RESULT}, 'casia_b', views=['000', '090'])
  assert text.splitlines() == [
    'protocol  CASIA-B, per view (casia_b, 5392e247)',
    'gallery   nm-01, nm-02, nm-03, nm-04',
    'probes    NM nm-05, nm-06 (1,100 sequences of 50 subjects); '
    'BG bg-01, bg-02; CL cl-01, cl-02',
    'distance  mean over parts of the Euclidean distance',
    'counted   each gallery view by itself, identical views excluded; mean '
    'over gallery views, then over probe views',
    '',
    'step 300    000   090  mean',
    'NM rank-1  50.0  75.0  62.5',
  ]


def test_published_numbers_stand_below():
  result = {'NM/rank1': 90.0, 'NM/rank1_by_view': np.full((11, 11), 90.0)}
  row = np.array([97.5, 99.0, *[98.0] * 9])
  beside = {'NM/rank1': 97.9, 'NM/rank1_by_probe_view': row}
  lines = report.table({'ours': result}, 'casia_b', beside).splitlines()
  assert lines[-2].split() == ['NM', 'rank-1', *['90.0'] * 12]
  assert lines[-1].split()[:3] == ['published', '97.5', '99.0']
  assert lines[-1].split()[-1] == '97.9'


def test_several_results_stand_side_by_side():
  results = {
    'untrained': {'NM/rank1': 9.0, 'CL/rank1': 4.0},
    'step 300': RESULT,
  }
  lines = report.table(results, 'casia_b', {'NM/rank1': 97.9}).splitlines()
  assert lines[-3:] == [
    '%          untrained  step 300  published',
    'NM rank-1        9.0      62.5       97.9',
    'CL rank-1        4.0         -          -',
  ]


def test_intervals_stand_next_to_every_number():
  ends = {'NM/rank1_interval': np.array([60.0, 64.96])}
  results = {f'step {n}': RESULT | ends for n in range(2)}
  lines = report.table(results, 'casia_b').splitlines()
  assert lines[-1].split('  ')[-1] == '62.5 (60.0-65.0)'
  # Below each other, as they would be wider than a terminal.
  results = {f'step {n}': RESULT | ends for n in range(6)}
  lines = report.table(results, 'casia_b').splitlines()
  assert lines[-1].split() == ['step', '5', '62.5', '(60.0-65.0)']


def test_a_number_that_is_not_defined_has_a_reason():
  result = {
    'NM/rank1': 0.0,
    'NM/mAP': float('nan'),
    'NM/TAR@1e-3': float('nan'),
    'BG/mAP': 3.0,
  }
  lines = report.table({'x': result}, 'casia_b_cross_view').splitlines()
  assert lines[-2:] == [
    'no probe has its subject in the gallery, less what is dropped: NM mAP',
    'too few impostors: NM TAR@1e-3',
  ]


def test_many_results_stand_below_each_other():
  results = {f'step_{n}': {'NM/rank1': 10.0 * n} for n in range(9)}
  lines = report.table(results, 'casia_b').splitlines()
  assert lines[-10].split() == ['%', 'NM', 'rank-1']
  assert lines[-1].split() == ['step_8', '80.0']


def test_oumvlp_prints_both_numbers():
  result = {
    'NM/rank1': 87.1,
    'NM/rank1_excluding_invalid': 93.3,
    'NM/rank1_by_view': np.ones((2, 2)),
    'NM/rank1_excluding_invalid_by_view': np.ones((2, 2)),
  }
  text = report.table({'x': result}, 'oumvlp', metric='cosine')
  assert 'NM rank-1, invalid probes as errors' in text
  assert 'NM rank-1, invalid probes excluded' in text
  assert '1 - mean over parts of the cosine' in text


def test_map_is_a_row_of_its_own():
  result = {
    'BG/rank1': 80.0,
    'BG/rank1_by_probe_view': np.array([70.0, 90.0]),
    'BG/mAP': 41.0,
    'BG/mAP_by_probe_view': np.array([40.0, 42.0]),
  }
  lines = report.table({'x': result}, 'casia_b_cross_view').splitlines()
  assert [line.split() for line in lines[-2:]] == [
    ['BG', 'rank-1', '70.0', '90.0', '80.0'],
    ['BG', 'mAP', '40.0', '42.0', '41.0'],
  ]
