"""A closer look at an evaluation's walks, against its numbers."""

import dataclasses

import numpy as np
import pytest
from eval_golden import labels, load

from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import protocols, search, verification, walks
from gaitgs_jax.evaluation.protocols.rules import rank_of

GOLDEN = load('casiab')
ONE_GALLERY = protocols.Protocol(
  'x',
  'X',
  probes={'': protocols.where('bg-*')},
  gallery=protocols.where('nm-*'),
  metrics=('rank1', 'rank5'),
  mean_over='probes',
)


@pytest.mark.parametrize('rules', ['casia_b', ONE_GALLERY])
def test_curves_and_mistakes_are_those_of_the_numbers(rules, tmp_path):
  evaluation = protocols.Evaluation.of(rules, *labels(GOLDEN))
  result, _ = protocols.count(evaluation)
  _, subjects, conditions, views = labels(GOLDEN)
  names = [*map('/'.join, zip(subjects, conditions, views, strict=True))]
  path = tmp_path / 'x.walks.npz'
  walks.save(walks.look(evaluation, names.__getitem__), path)
  found = walks.load(path)
  for name, (ranks, curve) in walks.curves(found).items():
    for metric in evaluation.rules.metrics:
      if rank := rank_of(metric):
        number = result[protocols.key(name, metric)]
        assert curve[ranks == rank] == pytest.approx(number, abs=1e-4)
    assert (np.diff(curve) >= 0).all()
  assert found.counts[0] == found.counts[1] > 0
  assert found.points.shape == (len(found.subjects), 2)
  assert len(found.mistakes) > 2
  gaps = found.distances[:, 1] - found.distances[:, 0]
  assert (gaps > 0).all() and (np.diff(gaps) <= 1e-6).all()
  for probe, other, own in found.mistakes.tolist():
    assert probe.split('/')[0] == own.split('/')[0] != other.split('/')[0]


def test_reranking_searches_for_neighbours_once(monkeypatch):
  searched, survey = [], search.survey
  monkeypatch.setattr(
    search, 'survey', lambda *a, **k: searched.append(1) or survey(*a, **k)
  )
  rules = dataclasses.replace(ONE_GALLERY, rerank=protocols.Rerank())
  some = slice(None, None, 11)
  evaluation = protocols.Evaluation.of(rules, *labels(GOLDEN, some))
  result, _ = protocols.count(evaluation)
  assert 'EER' in verification.count(evaluation).result
  curve = walks.curves(walks.look(evaluation, str))['']
  assert curve[1][0] == pytest.approx(result['rank1'], abs=1e-4)
  assert searched == [1]
  plain, _ = protocols.count(
    protocols.Evaluation.of(ONE_GALLERY, *labels(GOLDEN, some))
  )
  assert plain['rank1'] != result['rank1']


def test_a_file_of_something_else_is_named(tmp_path):
  path = tmp_path / 'x.walks.npz'
  np.savez(path, points=np.zeros((3, 2)))
  with pytest.raises(UserError, match='does not hold walks of an evaluation'):
    walks.load(path)
