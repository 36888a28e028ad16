import dataclasses

import numpy as np
import pytest

from gaitgs_jax.errors import UserError
from gaitgs_jax.input import sampling
from gaitgs_jax.input.index import make

# Five subjects with 1, 3, 5, 7 and 9 sequences.
INDEX = make(
  (f'{subject:03d}', f'nm-{walk:02d}', '000', 10 + walk)
  for subject in range(5)
  for walk in range(2 * subject + 1)
)
ROWS = np.arange(len(INDEX))
SPEC = sampling.BatchSpec(subjects=3, sequences=4, frames=6)
ALL = np.arange(SPEC.rows)


def sampler(spec=SPEC, rows=ROWS, seed=0, index=INDEX):
  return sampling.Sampler(index, rows, spec, seed)


def test_batches_are_subjects_by_sequences():
  for step in range(50):
    rows = sampler().sequences(step).reshape(3, 4)
    subjects = INDEX.subject[rows]
    assert (subjects == subjects[:, :1]).all()
    assert len(set(subjects[:, 0])) == 3
    for own in rows:
      available = (INDEX.subject == INDEX.subject[own[0]]).sum()
      # As many different sequences as there are.
      assert len(set(own)) == min(4, available)


def test_every_sequence_is_drawn_in_time():
  drawn = {row for step in range(200) for row in sampler().sequences(step)}
  assert drawn == set(ROWS)


def test_a_step_is_the_same_alone_and_in_another_order_of_the_source():
  order = np.random.default_rng(1).permutation(len(INDEX))
  shuffled = sampler(index=INDEX.take(order))
  for step in (0, 7, 2**40):
    pick = sampler().pick(step, ALL)
    other = shuffled.pick(step, ALL)
    np.testing.assert_array_equal(pick.sequence, order[other.sequence])
    np.testing.assert_array_equal(pick.frames, other.frames)


def test_seeds_and_steps_differ():
  batches = {
    tuple(sampler(seed=seed).sequences(step))
    for seed in range(5)
    for step in range(20)
  }
  assert len(batches) == 100


@pytest.mark.parametrize('name', sampling.SAMPLERS)
@pytest.mark.parametrize('count', [1, 2, 3, 12])
def test_parts_join_to_the_whole_batch(name, count):
  spec = dataclasses.replace(SPEC, sampler=name, frames_min=3, frames_max=9)
  whole = sampler(spec).pick(5, ALL)
  parts = [sampler(spec).pick(5, slots) for slots in np.array_split(ALL, count)]
  joined = np.concatenate([part.sequence for part in parts])
  np.testing.assert_array_equal(joined, whole.sequence)
  frames = [frames for part in parts for frames in part.frames]
  assert list(map(list, frames)) == list(map(list, whole.frames))
  # Every process must give the step the same shape.
  assert {part.length for part in parts} == {whole.length}
  assert whole.length >= max(map(len, frames))


def draw(length, seed=0, **fields):
  spec = sampling.BatchSpec(subjects=1, sequences=1, **fields)
  return sampling.frame_indices(np.random.default_rng(seed), length, spec)


def test_ordered_frames_are_a_window():
  starts = set()
  for seed in range(100):
    frames = draw(9, seed, frames=6)
    np.testing.assert_array_equal(np.diff(frames), 1)
    starts.add(int(frames[0]))
  assert starts == {0, 1, 2, 3}


def test_short_sequences_repeat():
  starts = set()
  for seed in range(100):
    frames = draw(4, seed, frames=6)
    np.testing.assert_array_equal(np.diff(frames) % 4, 1)
    starts.add(int(frames[0]))
  # Twice the sequence has room for three windows of six.
  assert starts == {0, 1, 2}
  assert draw(1, frames=6).tolist() == [0] * 6


def test_skipped_frames_leave_the_order():
  for seed in range(50):
    frames = draw(40, seed, frames=10, skip=20)
    steps = np.diff(frames)
    assert len(frames) == 10 and (steps > 0).all()
    assert frames[-1] - frames[0] < 30
  assert any(
    (np.diff(draw(40, s, frames=10, skip=5)) > 1).any() for s in (0, 1)
  )


def test_unordered_frames_repeat_only_where_there_are_too_few():
  for seed in range(50):
    assert len(set(draw(9, seed, frames=6, order='unordered'))) == 6
    few = draw(4, seed, frames=6, order='unordered')
    assert len(few) == 6 and set(few) <= set(range(4))
  frames = draw(90, frames=30, order='unordered')
  assert (np.diff(frames) < 0).any()


def test_unfixed_numbers_cover_their_range():
  fields = {'sampler': 'unfixed', 'frames_min': 3, 'frames_max': 5}
  lengths = {len(draw(9, seed, **fields)) for seed in range(60)}
  assert lengths == {3, 4, 5}


def test_all_frames_and_their_padding():
  assert draw(7, sampler='all').tolist() == list(range(7))
  spec = dataclasses.replace(SPEC, sampler='all')
  assert sampler(spec).pick(0, ALL).length == 32


@pytest.mark.parametrize(
  ('fields', 'message'),
  [
    ({'subjects': 6}, 'subjects is 6, but there are only 5'),
    ({'sequences': 10}, 'sequences is 10, but no training subject has .* 9'),
    ({'subjects': 0}, r'batch.subjects is 0; it must be a whole number from'),
    ({'frames': 0}, r'batch.frames is 0'),
    ({'frames': 2.5}, r'batch.frames is 2.5'),
    ({'frames': 10**9}, r'frames is 1000000000; .* from 1 to 1,000,000'),
    ({'skip': 10**9}, r'batch.skip is 1000000000'),
    (
      {'sampler': 'unfixed', 'frames_min': 1, 'frames_max': 10**9},
      'frames_max is 1000000000',
    ),
    ({'sampler': 'some'}, "batch.sampler is 'some'; choose one of fixed"),
    ({'order': 'random'}, "batch.order is 'random'"),
    ({'skip': -1}, r'batch.skip is -1'),
    ({'sampler': 'unfixed'}, r'batch.frames_min is 0'),
    (
      {'sampler': 'unfixed', 'frames_min': 5, 'frames_max': 4},
      'number from 5 to',
    ),
    ({'frame': 3}, "batch has no field 'frame'.*mean 'frames'"),
  ],
)
def test_bad_batches_are_named(fields, message):
  with pytest.raises(UserError, match=message):
    sampler(sampling.batch_spec({**dataclasses.asdict(SPEC), **fields}))


def test_missing_fields_and_bad_seeds_are_named():
  with pytest.raises(UserError, match=r'batch.sequences is missing'):
    sampling.batch_spec({'subjects': 3})
  with pytest.raises(UserError, match='seed is -1'):
    sampler(seed=-1)
  with pytest.raises(UserError, match='only 0 training subjects'):
    sampler(rows=ROWS[:0])
  # Other rows than those given never count.
  with pytest.raises(UserError, match='no training subject has more than 5'):
    sampler(dataclasses.replace(SPEC, sequences=6), rows=ROWS[:9])
