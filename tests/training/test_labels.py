import pathlib

import pytest

from gaitgs_jax.evaluation import result_files
from gaitgs_jax.training import labels

COUNTED = {'dataset': 'casia_b', 'protocol': 'casia_b', 'metric': 'euclidean'}


def save(folder, step, other=None, **counted):
  """Saves a result as an evaluation does; returns its label."""
  counted = {**COUNTED, **counted}
  label = labels.choose(folder, step, other, counted)
  kept = {'checkpoint': str(other)} if other else {}
  result_files.save(
    {'NM/rank1': 1.0}, folder / f'{label}.json', **counted, **kept
  )
  return label


def test_a_workdirs_own_result_is_renewed(tmp_path):
  assert save(tmp_path, 40) == 'step_000040'
  assert save(tmp_path, 40) == 'step_000040'


@pytest.mark.parametrize(
  'changed', [{'dataset': 'x'}, {'protocol': 'x'}, {'metric': 'x'}]
)
def test_what_is_counted_otherwise_is_kept_apart(tmp_path, changed):
  save(tmp_path, 40)
  label = '_'.join(['step_000040', *{**COUNTED, **changed}.values()])
  assert save(tmp_path, 40, **changed) == label
  assert save(tmp_path, 40, **changed) == label
  assert len(list(tmp_path.iterdir())) == 2


def test_workdirs_of_one_name_are_kept_apart(tmp_path):
  others = [
    pathlib.Path(f'/{place}/run/checkpoints/40') for place in ('a', 'b', 'c/b')
  ]
  wanted = ['run_step_000040', 'b_run_step_000040', 'c_b_run_step_000040']
  for _ in range(2):
    assert [save(tmp_path, 40, other) for other in others] == wanted
  assert save(tmp_path, 40) == 'step_000040'


def test_paths_that_join_to_one_name_are_numbered(tmp_path):
  others = [pathlib.Path(path) for path in ('/a_b/40', '/b/40', '/a/b/40')]
  assert [save(tmp_path, 40, other) for other in others] == [
    'a_b_step_000040',
    'b_step_000040',
    'a_b_step_000040_2',
  ]
  assert save(tmp_path, 40, pathlib.Path('/40')) == '40_step_000040'
