"""Numbers by subject, and the intervals that these give."""

import numpy as np
import pytest
from eval_golden import labels, load

from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import outcomes, protocols
from gaitgs_jax.evaluation.outcomes import Outcomes

# Three probes of a, one of b: found in the galleries of views 0 and 1.
FOUND = np.array([[1, 0], [1, 1], [0, 0], [1, 0]], float)
COUNTED = np.array([[1, 1], [1, 1], [1, 0], [1, 1]], bool)


def by_hand():
  views = np.array([0, 0, 1, 1])
  return outcomes.add_up(FOUND, COUNTED, np.array([*'aaab']), views, 2)


def test_by_hand():
  found = by_hand()
  assert found.subjects.tolist() == ['a', 'b']
  assert found.right.tolist() == [[[2, 1], [0, 0]], [[0, 0], [1, 0]]]
  assert found.total.tolist() == [[[2, 2], [1, 0]], [[0, 0], [1, 1]]]
  assert found.cells().tolist() == [[100, 50], [50, 0]]
  assert found.number() == 50
  other = found.without_identical()
  np.testing.assert_array_equal(other.by_probe_view(), [50, 50])
  assert found.over_views().number() == pytest.approx(100 * 4 / 7)
  # With a alone, or b alone, or both; a draw without a probe view has one less.
  assert set(found.draws().tolist()) == {50, 37.5}
  assert by_hand()._replace(total=0 * found.total).interval().tolist() == (
    pytest.approx([np.nan] * 2, nan_ok=True)
  )


def drawn(rate, people=400, seed=1):
  random = np.random.default_rng(seed)
  found = (random.random((10 * people, 1)) < rate).astype(float)
  names = np.repeat(np.arange(people).astype(str), 10)
  zeros = np.zeros(len(names), int)
  return outcomes.add_up(found, found >= 0, names, zeros, 1)


def test_an_interval_is_as_wide_as_chance():
  found = drawn(0.8)
  low, high = found.interval()
  assert low < found.number() < high
  # Of 4,000 independent probes: 2 x 1.96 standard errors.
  assert high - low == pytest.approx(2 * 1.96 * 100 * 0.4 / 4000**0.5, rel=0.15)
  assert np.isnan(drawn(0.8, people=1).interval()).all()


def test_a_difference_is_paired():
  one, other = drawn(0.8), drawn(0.7)
  apart, (low, high) = outcomes.difference(one, other)
  assert apart == one.number() - other.number()
  # The same draws of chance decide both: closer than two runs by themselves.
  assert 0 < low < apart < high
  alone = one.interval()
  assert high - low < alone[1] - alone[0]
  same, ends = outcomes.difference(one, one)
  assert (same, *ends) == (0, 0, 0)
  few = Outcomes(*(each[:3] for each in other))
  apart, _ = outcomes.difference(one, few)
  mean = [100 * each.right[:3].sum() / 30 for each in (one, few)]
  order = np.isin(one.subjects, few.subjects)
  mean[0] = 100 * one.right[order].sum() / 30
  assert apart == pytest.approx(mean[0] - mean[1])
  with pytest.raises(UserError, match='1 of them the same'):
    outcomes.difference(one, Outcomes(*(each[:1] for each in other)))


@pytest.mark.parametrize('name', ['casiab', 'gait3d', 'ccpg'])
def test_what_subjects_add_is_the_number(name):
  data = load(name)
  columns = {'probe': data['probe_mask']} if name == 'gait3d' else None
  protocol = {'casiab': 'casia_b'}.get(name, name)
  given = protocols.Evaluation.of(protocol, *labels(data), columns=columns)
  result, each = protocols.count(given)
  assert each
  for entry, found in each.items():
    assert result[entry] == found.number()
    low, high = result[f'{entry}_interval']
    assert low <= result[entry] <= high


def test_files(tmp_path):
  path = tmp_path / 'best.npz'
  kept = {'NM/rank1': by_hand(), 'rank1': drawn(0.5)}
  outcomes.save(kept, path)
  read = outcomes.load(path)
  assert read.keys() == kept.keys()
  for key, found in read.items():
    for one, other in zip(found, kept[key], strict=True):
      np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
  'arrays',
  [
    {'rank1/subjects': np.array(['a'])},
    {
      'rank1/subjects': np.array(['a']),
      'rank1/right': np.zeros((2, 1, 1)),
      'rank1/total': np.zeros((2, 1, 1)),
    },
    {'rank1/subjects': np.array([{}], object)},
  ],
)
def test_another_file_is_told(arrays, tmp_path):
  path = tmp_path / 'x.npz'
  np.savez(path, **arrays)
  with pytest.raises(UserError, match='evaluate again'):
    outcomes.load(path)
  path.write_bytes(path.read_bytes()[:40])
  with pytest.raises(UserError, match='evaluate again'):
    outcomes.load(path)
  with pytest.raises(UserError, match='cannot read'):
    outcomes.load(tmp_path / 'none.npz')
