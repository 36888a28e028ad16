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
@pytest.mark.parametrize('batch_frames', [1_000, 6_000])
def test_little_padding_in_few_shapes(name, batch_frames):
  length = LENGTHS[name]
  plan = buckets.plan(length, batch_frames, 16)
  assert buckets.waste(length, plan) < 0.15
  assert len({(batch.length, batch.size) for batch in plan}) <= 16


def test_typical_datasets_need_four_lengths():
  for name in ('casia_b', 'oumvlp'):
    plan = buckets.plan(LENGTHS[name], 6_000, 16)
    assert len({batch.length for batch in plan}) <= 4


@pytest.mark.parametrize('batch_frames', [1, 700, 500_000, 10**6])
@pytest.mark.parametrize('max_lengths', [1, 3])
@pytest.mark.parametrize('multiple', [1, 8])
def test_each_row_comes_once_and_fits(batch_frames, max_lengths, multiple):
  length = LENGTHS['casia_b']
  plan = buckets.plan(length, batch_frames, max_lengths, multiple=multiple)
  rows = np.concatenate([batch.rows for batch in plan])
  assert sorted(rows.tolist()) == list(range(len(length)))
  assert len({batch.length for batch in plan}) <= max_lengths
  assert len({(batch.length, batch.size) for batch in plan}) <= max_lengths
  assert all(length[batch.rows].max() <= batch.length for batch in plan)
  for batch in plan:
    assert batch.size % multiple == 0 and len(batch.rows) <= batch.size
    assert batch.size * batch.length <= batch_frames or batch.size == multiple
  assert [b.length for b in plan] == sorted(b.length for b in plan)[::-1]


def test_one_long_sequence_pads_no_others():
  # By rows, the 2,000 frames would pad the fifteen beside it.
  length = np.array([90] * 20 + [2_000] + [80] * 20)
  first, *others = buckets.plan(length, 1_600, 16)
  assert (first.rows.tolist(), first.length, first.size) == ([20], 2_000, 1)
  assert {batch.length for batch in others} <= {80, 90}
  assert buckets.waste(length, [first, *others]) < 0.15


def test_few_short_sequences_are_not_filled_up_to_the_frames_of_a_batch():
  (batch,) = buckets.plan(np.array([20, 22, 21]), 10_000, 16, multiple=2)
  assert (len(batch.rows), batch.length, batch.size) == (3, 22, 4)


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


@pytest.mark.parametrize(('batch_frames', 'most'), [(0, 8), (4, 0)])
def test_bad_sizes_are_refused(batch_frames, most):
  with pytest.raises(UserError, match='from 1 up'):
    buckets.plan(np.array([3]), batch_frames, most)
