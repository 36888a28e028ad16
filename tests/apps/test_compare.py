"""`python -m gaitgs_jax compare`."""

import json
import re

import numpy as np
import pytest

import gaitgs_jax.__main__ as command
from gaitgs_jax.evaluation import outcomes, protocols, result_files

PEOPLE = np.repeat([f'{i:03d}' for i in range(6)], 4)


def write(folder, wrong, protocol='casia_b', **config):
  """Writes a run in which the last sequences of some people are not found."""
  folder.mkdir()
  (folder / 'config.json').write_text(json.dumps({'seed': 0, **config}))
  found = np.ones((len(PEOPLE), 1))
  found[-wrong:] = 0
  added = outcomes.add_up(
    found, found >= 0, PEOPLE, np.zeros(len(PEOPLE), int), 1
  )
  rules = protocols.get_protocol(protocol)
  result = {'NM/rank1': added.number(), 'NM/rank1_interval': added.interval()}
  result['NM/DIR@1e-3'] = float('nan')  # Of too few strangers.
  for step in (100, 300):
    path = folder / 'evaluation' / f'step_{step:06d}.json'
    result_files.save(
      result, path, protocol=protocol, metric='euclidean', rules=rules.plain()
    )
    outcomes.save({'NM/rank1': added}, path.with_suffix('.npz'))


@pytest.fixture
def runs(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  write(tmp_path / 'a', 6, model_name='gaitgs')
  write(tmp_path / 'b', 3, model_name='gaitset')
  return tmp_path


def test_side_by_side(runs, capsys):
  assert command.main(['compare', 'a', 'b']) == 0
  out = capsys.readouterr().out
  lines = [' '.join(line.split()) for line in out.splitlines()]
  assert '% a step_000300 b step_000300' in lines
  (numbers,) = [line for line in lines if line.startswith('NM rank-1 75.0 (')]
  assert ' 87.5 (' in numbers
  (apart,) = [line for line in lines if line.startswith('NM rank-1 +12.5 (')]
  low, high = apart.split('(')[1].strip(')').split(' to ')
  assert 0 <= float(low) < 12.5 < float(high)
  assert 'NM DIR@1e-3 -' in lines and 'nan' not in out
  assert lines[-2:] == ['config a b', 'model_name gaitgs gaitset']


def test_three_runs_as_a_page(runs, capsys):
  write(runs / 'c', 2, model_name='<b>')
  (runs / 'a' / 'metrics.csv').write_text('step,loss\n1,0.5\n2,0.25\n')
  assert command.main(['compare', 'a', 'b', 'c', '--out=page.html']) == 0
  out = capsys.readouterr().out
  (apart,) = re.findall(r'^NM rank-1 +(\+12.5 .*\))$', out, re.MULTILINE)
  text = (runs / 'page.html').read_text()
  for cell in re.findall(r'\S+ \(.*?\)', apart):
    assert f'<td>{cell}</td>' in text
  assert text.count('<td>gaitset</td>') == 1 and '<td>&lt;b&gt;</td>' in text
  assert '<svg' in text and 'Differences to a' in text


def test_without_what_subjects_add(runs, capsys):
  (runs / 'b' / 'evaluation' / 'step_000100.npz').unlink()
  assert command.main(['compare', 'a', 'b', '--label=step_000100']) == 0
  out = capsys.readouterr().out
  assert re.search(r'^NM rank-1 +\+12.5$', out, re.MULTILINE)


@pytest.mark.parametrize(
  'words, message',
  [
    (['a'], 'one run has nothing'),
    (['a', 'b', 'a'], 'a is named twice'),
    (['a', 'none'], 'no run at none'),
    (['a', 'c'], r'c: oumvlp \('),
    (['a', 'b', '--label=best'], "a has no evaluation 'best' by casia_b; it"),
  ],
)
def test_what_cannot_be_compared(words, message, runs, capsys):
  write(runs / 'c', 1, 'oumvlp')
  assert command.main(['compare', *words]) == 2
  error = capsys.readouterr().err
  assert error.startswith('error: ')
  assert re.search(message, error)
