import itertools
import tracemalloc

import numpy as np
import pytest

from gaitgs_jax.errors import UserError
from gaitgs_jax.input import buckets

RNG = np.random.default_rng(0)
# Shapes of the published datasets: CASIA-B's test part has walks of about 90
# frames with a tail up to 180; OU-MVLP's are short and even.
LENGTHS = {
  'casia_b': np.clip(RNG.gamma(14, 6.5, 5485).astype(int), 15, 180),
  'oumvlp': np.clip(RNG.normal(24, 5, 133_000).astype(int), 6, 60),
  'two lengths': np.repeat([20, 90], [70, 122]),
  'equal': np.full(128, 30),
  'heavy tail': np.clip((RNG.pareto(1.5, 3000) * 30).astype(int) + 15, 15, 900),
}


@pytest.mark.parametrize('name', LENGTHS)
@pytest.mark.parametrize('batch_size', [16, 64])
def test_little_padding_in_few_lengths(name, batch_size):
  length = LENGTHS[name]
  plan = buckets.plan(length, batch_size, 16)
  assert buckets.waste(length, plan, batch_size) < 0.15
  assert len({batch.length for batch in plan}) <= 16


def test_typical_datasets_need_four_lengths():
  for name in ('casia_b', 'oumvlp'):
    plan = buckets.plan(LENGTHS[name], 64, 16)
    assert len({batch.length for batch in plan}) <= 4


@pytest.mark.parametrize('batch_size', [1, 7, 5000, 6000])
@pytest.mark.parametrize('max_lengths', [1, 3])
def test_each_row_comes_once_and_fits(batch_size, max_lengths):
  length = LENGTHS['casia_b']
  plan = buckets.plan(length, batch_size, max_lengths)
  rows = np.concatenate([batch.rows for batch in plan])
  assert sorted(rows.tolist()) == list(range(len(length)))
  assert len({batch.length for batch in plan}) <= max_lengths
  assert all(length[batch.rows].max() <= batch.length for batch in plan)
  assert all(len(batch.rows) == batch_size for batch in plan[:-1])
  assert [b.length for b in plan] == sorted(b.length for b in plan)[::-1]


def test_lengths_are_the_best_of_all_choices():
  length = np.array([3, 5, 6, 20, 21, 22, 40, 90])
  plan = buckets.plan(length, 1, 3, max_waste=0)
  # By hand: {6, 22, 90} computes 18 + 66 + 180, {22, 40, 90} 132 + 40 + 90.
  computed = sum(batch.length for batch in plan)
  best = min(
    sum(min(c for c in (a, b, 90) if c >= n) for n in length)
    for a in length
    for b in length
  )
  assert computed == best == 262


@pytest.mark.parametrize('seed', range(20))
def test_no_choice_of_lengths_computes_less(seed):
  random = np.random.default_rng(seed)
  length = random.integers(1, 30, random.integers(1, 40))
  for most in range(1, 5):
    plan = buckets.plan(length, 1, most, max_waste=0)
    values = np.unique(length)
    least = min(
      sum(min(c for c in chosen if c >= n) for n in length.tolist())
      for count in range(1, most + 1)
      for chosen in itertools.combinations(values.tolist(), count)
      if chosen[-1] == values[-1]
    )
    assert sum(batch.length for batch in plan) == least


def test_memory_does_not_grow_with_the_square_of_the_lengths():
  length = np.random.default_rng(0).permutation(np.arange(5_000, 10_000))
  tracemalloc.start()
  plan = buckets.plan(length, 1, 16, max_waste=0)
  _, peak = tracemalloc.get_traced_memory()
  tracemalloc.stop()
  assert len({batch.length for batch in plan}) == 16
  # A table of 5,000 x 5,000 costs takes 200 MB.
  assert peak < 50e6


def test_no_rows_give_no_batches():
  assert buckets.plan(np.array([], int), 4, 8) == []


@pytest.mark.parametrize(('batch_size', 'most'), [(0, 8), (4, 0)])
def test_bad_sizes_are_refused(batch_size, most):
  with pytest.raises(UserError, match='from 1 up'):
    buckets.plan(np.array([3]), batch_size, most)
