import collections
import dataclasses
import sys
import types
import typing

import numpy as np
import pytest

from gaitgs_jax.errors import UserError
from gaitgs_jax.input import samplers, sampling
from gaitgs_jax.input.index import make

# Five subjects with 1, 3, 5, 7 and 9 sequences.
INDEX = make(
  (f'{subject:03d}', f'nm-{walk:02d}', '000', 10 + walk)
  for subject in range(5)
  for walk in range(2 * subject + 1)
)
ROWS = np.arange(len(INDEX))
BATCH = {'subjects': 3, 'sequences': 4, 'frames': 6}
ALL = np.arange(12)


def sampler(rows=ROWS, seed=0, index=INDEX, without=(), **fields):
  batch = {k: v for k, v in {**BATCH, **fields}.items() if k not in without}
  return sampling.Picker(index, rows, sampling.batch_spec(batch), seed)


def without_labels(name, count, **options):
  return sampler(sampler=name, sequences=count, without=['subjects'], **options)


def test_batches_are_subjects_by_sequences():
  for step in range(50):
    rows = sampler().sequences(step).reshape(3, 4)
    subjects = INDEX.subject[rows]
    assert (subjects == subjects[:, :1]).all()
    assert len(set(subjects[:, 0])) == 3
    for own in rows:
      available = (INDEX.subject == INDEX.subject[own[0]]).sum()
      assert len(set(own)) == 4 or available < 4


def test_few_sequences_of_a_subject_are_drawn_with_replacement():
  # Of three sequences, four draws miss two in 1 of 27 and one in 14 of 27.
  found = [
    len(set(own))
    for step in range(300)
    for own in sampler().sequences(step).reshape(3, 4)
    if INDEX.subject[own[0]] == '001'
  ]
  share = np.bincount(found, minlength=4) / len(found)
  np.testing.assert_allclose(share, [0, 1 / 27, 14 / 27, 12 / 27], atol=0.1)


@pytest.mark.parametrize(
  ('fields', 'frames'),
  [
    ({}, [[11, 12, 13, 14], [3, 4, 5, 6], [1, 2, 3, 4]]),
    ({'order': 'unordered'}, [[2, 7, 14, 11], [3, 7, 9, 8], [2, 10, 1, 3]]),
    ({'skip': 3}, [[8, 9, 10, 12], [4, 5, 6, 7], [2, 3, 5, 6]]),
    (
      {'frames_rule': 'unfixed', 'frames_min': 2, 'frames_max': 7},
      [[4, 5, 6, 7, 8, 9, 10], [6, 7, 8, 9], [3, 4, 5]],
    ),
  ],
)
def test_a_seed_and_step_give_the_batch_of_earlier_versions(fields, frames):
  rows = np.flatnonzero(np.isin(INDEX.subject, ['002', '003', '004']))
  fields = {'subjects': 2, 'sequences': 3, 'frames': 4, **fields}
  pick = sampler(rows, 7, **fields).pick(11, np.arange(3))
  assert pick.sequence.tolist() == [14, 9, 10]
  assert [own.tolist() for (own,) in pick.windows] == frames
  ((row, _), *_) = sampler(rows, 7, **fields).replacements(11, 2, 10)
  assert row == 14


@pytest.mark.parametrize('large', [0, 2**32 - 1, 2**32, 2**40 + 7])
def test_random_numbers_are_those_of_the_four_integers(large):
  for place in range(4):
    key = [3, 2, 1234, 77]
    key[place] = large
    seeded = np.random.Philox(np.random.SeedSequence(key))
    wanted = np.random.Generator(seeded).integers(1 << 40, size=4)
    found = samplers.generator(*key).integers(1 << 40, size=4)
    np.testing.assert_array_equal(found, wanted)


def test_instances_are_drawn_from_all_alike_with_replacement():
  drawn = without_labels('instances', 2000).sequences(3)
  share = np.bincount(drawn, minlength=len(ROWS)) / 2000
  # Each of 25, whoever walks: 4 % with a standard deviation of 0.44 %.
  np.testing.assert_allclose(share, 1 / 25, atol=0.02)


def test_pairs_are_two_windows_of_different_sequences():
  picker = without_labels('pairs', 20)
  pick = picker.pick(3, np.arange(20))
  assert len(set(pick.sequence.tolist())) == 20
  assert all(len(windows) == 2 for windows in pick.windows)
  starts = np.array([[own[0] for own in each] for each in pick.windows])
  assert (starts[:, 0] != starts[:, 1]).mean() > 0.5


def test_pairs_of_few_scenes_and_without_common_frames():
  picker = without_labels('pairs', 6, scenes=3, apart=True)
  drawn = set()
  for step in range(20):
    pick = picker.pick(step, np.arange(6))
    scenes = [(INDEX.condition[row], INDEX.view[row]) for row in pick.sequence]
    assert sorted(collections.Counter(scenes).values()) == [2, 2, 2]
    assert len(set(pick.sequence.tolist())) == 6
    drawn.update(scenes)
    for row, (first, second) in zip(pick.sequence, pick.windows, strict=True):
      half = (INDEX.length[row] + 1) // 2
      assert first.max() < half
      assert INDEX.length[row] - half <= second.min()
      assert second.max() < INDEX.length[row]
  assert len(drawn) > 3


@pytest.mark.parametrize('name', ['instances', 'pairs'])
def test_any_sequence_stands_in_where_subjects_do_not_count(name):
  # The only sequence of its subject.
  others = without_labels(name, 4).replacements(0, 0, 0)
  assert sorted(row for row, _ in others) == list(range(1, 25))


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
    np.testing.assert_array_equal(pick.windows, other.windows)


def test_seeds_and_steps_differ():
  batches = {
    tuple(sampler(seed=seed).sequences(step))
    for seed in range(5)
    for step in range(20)
  }
  assert len(batches) == 100


@pytest.mark.parametrize('rule', typing.get_args(sampling.FramesRule))
@pytest.mark.parametrize('name', samplers.SAMPLERS)
@pytest.mark.parametrize('count', [1, 2, 3, 12])
def test_parts_join_to_the_whole_batch(name, rule, count):
  fields = {'frames_rule': rule, 'frames_min': 3, 'frames_max': 9}
  picker = (
    sampler(**fields) if name == 'pk' else without_labels(name, 12, **fields)
  )
  whole = picker.pick(5, ALL)
  parts = [picker.pick(5, slots) for slots in np.array_split(ALL, count)]
  joined = np.concatenate([part.sequence for part in parts])
  np.testing.assert_array_equal(joined, whole.sequence)
  frames = [own for part in parts for each in part.windows for own in each]
  expected = [own for each in whole.windows for own in each]
  assert list(map(list, frames)) == list(map(list, expected))
  # Every process must give the step the same shape.
  assert {part.length for part in parts} == {whole.length}
  assert whole.length >= max(map(len, frames))


def draw(length, seed=0, **fields):
  frames = sampling.FrameSpec(**fields)
  return sampling.frame_indices(np.random.default_rng(seed), length, frames)


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
  fields = {'frames_rule': 'unfixed', 'frames_min': 3, 'frames_max': 5}
  lengths = {len(draw(9, seed, **fields)) for seed in range(60)}
  assert lengths == {3, 4, 5}


def test_all_frames_and_their_padding():
  assert draw(7, frames_rule='all').tolist() == list(range(7))
  assert draw(7, frames_rule='all', frames_max=5).tolist() == list(range(5))
  assert sampler(frames_rule='all').pick(0, ALL).length == 32
  assert sampler(frames_rule='all', frames_max=9).pick(0, ALL).length == 9


@pytest.mark.parametrize(
  ('fields', 'message'),
  [
    ({'subjects': 6}, 'subjects is 6, but there are only 5'),
    ({'sequences': 10}, 'sequences is 10, but no training subject has .* 9'),
    ({'subjects': 0}, r'batch.subjects is 0; it must be a whole number from'),
    ({'frames': 0}, r'batch.frames is 0'),
    ({'frames': 2.5}, r'batch.frames is 2.5'),
    ({'frames': 10**9}, r'frames is 1000000000; .* up to 1,000,000'),
    ({'skip': 10**9}, r'batch.skip is 1000000000'),
    (
      {'frames_rule': 'unfixed', 'frames_min': 1, 'frames_max': 10**9},
      'frames_max is 1000000000',
    ),
    ({'sampler': 'some'}, "batch.sampler is 'some'; choose one of pk, inst"),
    ({'sampler': ['pk']}, r"batch.sampler is \['pk'\]"),
    (
      {'sampler': 'all'},
      "set config.batch.frames_rule='all' and config.batch.sampler='pk'",
    ),
    ({'sampler': 'instances'}, "which takes no 'subjects'"),
    (
      {'sampler': 'pairs', 'sequences': 26, 'without': ['subjects']},
      'sequences is 26, but there are only 25 training sequences',
    ),
    (
      {'sampler': 'pairs', 'scenes': 3, 'without': ['subjects']},
      'sequences is 4, which is not a multiple of the 3 of config.batch.scenes',
    ),
    (
      {
        'sampler': 'pairs',
        'scenes': 2,
        'sequences': 10,
        'without': ['subjects'],
      },
      'but only 1 of them have 5 training sequences; the largest has 5',
    ),
    (
      {'sampler': 'pairs', 'scenes': -1, 'without': ['subjects']},
      r'batch.scenes is -1',
    ),
    (
      {'sampler': 'pairs', 'apart': 2, 'without': ['subjects']},
      r'batch.apart is 2',
    ),
    ({'frames_rule': 'some'}, "batch.frames_rule is 'some'; choose one of fix"),
    ({'frames': True}, 'batch.frames is True'),
    ({'order': 'random'}, "batch.order is 'random'"),
    ({'skip': -1}, r'batch.skip is -1'),
    ({'frames_rule': 'unfixed'}, r'batch.frames_min is 0'),
    (
      {'frames_rule': 'unfixed', 'frames_min': 5, 'frames_max': 4},
      'number from 5 to',
    ),
    ({'frame': 3}, "batch has no field 'frame'.*mean 'frames'"),
  ],
)
def test_bad_batches_are_named(fields, message):
  with pytest.raises(UserError, match=message):
    sampler(**fields)


def test_missing_fields_and_bad_seeds_are_named():
  with pytest.raises(UserError, match=r'config.batch lacks sequences'):
    sampling.batch_spec({'subjects': 3})
  with pytest.raises(UserError, match='seed is -1'):
    sampler(seed=-1)
  with pytest.raises(UserError, match='only 0 training subjects'):
    sampler(rows=ROWS[:0])
  with pytest.raises(UserError, match='no training sequences'):
    without_labels('instances', 4, rows=ROWS[:0])
  # Other rows than those given never count.
  with pytest.raises(UserError, match='no training subject has more than 5'):
    sampler(sequences=6, rows=ROWS[:9])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Last(samplers.Instances):
  """The last sequences."""

  skipped: int = 0

  def draw(self, table, seed, step):
    end = len(table.rows) - self.skipped
    return table.rows[end - self.sequences : end]


@pytest.fixture
def mine(monkeypatch):
  """A module of the user's own."""
  own = types.SimpleNamespace(Last=Last, Half=dict, number=3)
  monkeypatch.setitem(sys.modules, 'mine', own)


def test_a_sampler_of_ones_own_has_fields_of_its_own(mine):
  picker = without_labels('mine.Last', 4, skipped=2)
  pick = picker.pick(0, np.arange(4))
  assert pick.sequence.tolist() == [19, 20, 21, 22]
  assert [len(frames) for (frames,) in pick.windows] == [6] * 4


@pytest.mark.parametrize(
  ('name', 'fields', 'message'),
  [
    ('mine.Last', {'skipped': -1}, 'batch.skipped is -1; it must be a whole'),
    ('mine.Last', {'skiped': 1}, "has no field 'skiped'.*mean 'skipped'"),
    ('mine.Last', {'subjects': 3}, "takes no 'subjects'"),
    ('mine.last', {}, "config.batch.sampler: .*mine has no 'last'"),
    ('mine.number', {}, "batch.sampler: .*'mine.number': that is not a func"),
    ('mine.Half', {}, 'mine.Half has no windows, grows, .*; a sampler is a'),
    ('mime.Last', {}, "no module 'mime'"),
    ('mine .Last', {}, 'not a dotted name'),
  ],
)
def test_what_is_wrong_with_a_sampler_of_ones_own(mine, name, fields, message):
  with pytest.raises(UserError, match=message):
    sampling.batch_spec({'sampler': name, 'sequences': 4, **fields})
