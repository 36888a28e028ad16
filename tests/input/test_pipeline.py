import gc
import inspect
import itertools
import weakref

import jax
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from gaitgs_jax import modalities
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import ahead, datasets, pipeline, sources, unreadable

CASIA_B = datasets.get('casia_b')

BATCH = {'subjects': 3, 'sequences': 4, 'frames': 5}
SIZES = {'silhouettes': (8, 6), 'keypoints': (17, 3)}
BACKENDS = ['tensorflow', 'threads']


@pytest.fixture(scope='module', params=SIZES)
def source(request):
  rng = np.random.default_rng(0)
  names = [
    (f'{subject:03d}', f'nm-{walk:02d}', view)
    for subject in range(6)
    for walk in (1, 2)
    for view in ('000', '036', '180')
  ]
  dtype = modalities.get(request.param).dtype
  size = SIZES[request.param]
  frames = [
    rng.integers(1, 256, (4 + row % 17, *size)).astype(dtype)
    for row in range(len(names))
  ]
  arrays = {request.param: frames}
  return sources.ArraySource(arrays, *zip(*names, strict=True))


def key_of(source):
  (name,) = source.modalities
  return name


ROWS = np.arange(6, 36)  # Subjects 1 to 5.


def train(source, number=3, batch=BATCH, **options):
  options = {'seed': 0, 'backend': 'threads', **options}
  batches = pipeline.train_batches(
    source, ROWS, batch, dataset=CASIA_B, **options
  )
  return list(itertools.islice(batches, number))


def same(left, right):
  assert left.keys() == right.keys()
  for name in left:
    np.testing.assert_array_equal(left[name], right[name])
    assert left[name].dtype == right[name].dtype


@pytest.mark.parametrize('backend', BACKENDS)
def test_a_batch_holds_what_its_rows_say(source, backend):
  index = source.index
  for batch in train(source, backend=backend):
    assert len(modalities.MODALITIES.keys() & batch.keys()) == 1
    for name, size in source.modalities.items():
      assert batch[name].shape == (12, 5, *size)
      assert batch[name].dtype == modalities.get(name).dtype
    assert batch['mask'].shape == (12, 5) and batch['mask'].all()
    for i, row in enumerate(batch['sequence']):
      # Class 0 is subject 1, the first one that trains.
      assert index.subject[row] == f'{batch["subject"][i] + 1:03d}'
      assert index.view[row] == f'{18 * batch["view"][i]:03d}'
      assert index.condition[row] == f'nm-{batch["condition"][i] + 1:02d}'
      stored = {frame.tobytes() for frame in source.read(row)[key_of(source)]}
      assert {frame.tobytes() for frame in batch[key_of(source)][i]} <= stored


@pytest.mark.parametrize(
  'fields',
  [
    {'frames_rule': 'fixed'},
    {'frames_rule': 'all'},
    {'frames_rule': 'unfixed', 'frames_min': 2, 'frames_max': 9, 'skip': 2},
    {'order': 'unordered'},
  ],
)
def test_both_backends_give_the_same_bytes(source, fields):
  batch = {**BATCH, **fields}
  pairs = [train(source, batch=batch, backend=name) for name in BACKENDS]
  for left, right in zip(*pairs, strict=True):
    same(left, right)


def test_padded_frames_are_masked_zeros(source):
  fields = {'frames_rule': 'unfixed', 'frames_min': 2, 'frames_max': 9}
  for batch in train(source, batch={**BATCH, **fields}):
    assert batch[key_of(source)].shape[1] == 9
    assert not batch[key_of(source)][~batch['mask']].any()
    assert batch[key_of(source)][batch['mask']].all()
    counts = batch['mask'].sum(1)
    assert counts.min() >= 2 and counts.max() <= 9 and len(set(counts)) > 1


@pytest.mark.parametrize('backend', BACKENDS)
def test_a_step_is_the_same_wherever_training_started(source, backend):
  whole = train(source, 6, backend=backend)
  for left, right in zip(
    whole[4:], train(source, 2, start_step=4, backend=backend), strict=True
  ):
    same(left, right)


SLOTS = [np.arange(4), np.array([0, 1, 6, 7]), np.array([5]), np.arange(4, 8)]


def rows_of(batch, slots):
  return {name: values[slots] for name, values in batch.items()}


@pytest.mark.parametrize('slots', SLOTS)
@pytest.mark.parametrize('rule', ['fixed', 'all'])
def test_some_rows_are_those_of_the_whole_batch(source, slots, rule):
  batch = {**BATCH, 'frames_rule': rule}
  some = train(source, batch=batch, slots=slots)
  for left, right in zip(train(source, batch=batch), some, strict=True):
    same(rows_of(left, slots), right)


@pytest.mark.parametrize('backend', BACKENDS)
def test_windows_of_a_sequence_are_copies_of_it(source, backend):
  batch = {'sampler': 'pairs', 'sequences': 8, 'frames': 5}
  slots = np.array([1, 6])
  whole = train(source, batch=batch, backend=backend)
  some = train(source, batch=batch, slots=slots, backend=backend)
  for left, right in zip(whole, some, strict=True):
    assert left[key_of(source)].shape[:3] == left['mask'].shape == (8, 2, 5)
    assert len(set(left['sequence'].tolist())) == 8
    for row, windows in zip(
      left['sequence'], left[key_of(source)], strict=True
    ):
      stored = {frame.tobytes() for frame in source.read(row)[key_of(source)]}
      assert {x.tobytes() for own in windows for x in own} <= stored
    same(rows_of(left, slots), right)


def evaluate(source, rows, batch_frames, **options):
  options = {'backend': 'threads', **options}
  return list(
    pipeline.evaluation_batches(
      source, rows, batch_frames, dataset=CASIA_B, **options
    )
  )


@pytest.mark.parametrize('batch_frames', [1, 70, 120, 500])
@pytest.mark.parametrize('frames_max', [0, 9])
@pytest.mark.parametrize('multiple', [1, 4])
def test_evaluation_gives_every_sequence_once_and_whole(
  source, batch_frames, frames_max, multiple
):
  options = {'frames_max': frames_max, 'multiple': multiple}
  seen = []
  batches = evaluate(source, ROWS, batch_frames, **options)
  for batch in batches:
    size, length = batch['mask'].shape
    assert not size % multiple
    assert size * length <= batch_frames or size == multiple
    assert (batch['subject'] == -1).all()
    for i, row in enumerate(batch['sequence']):
      if row < 0:
        assert batch['mask'][i].any() and not batch[key_of(source)][i].any()
        continue
      seen.append(row)
      frames = batch[key_of(source)][i][batch['mask'][i]]
      whole = source.read(row)[key_of(source)]
      np.testing.assert_array_equal(frames, whole[: frames_max or len(whole)])
      assert not batch[key_of(source)][i][~batch['mask'][i]].any()
  assert sorted(seen) == ROWS.tolist()
  largest = max(batch['mask'].size for batch in batches)
  index = source.index
  assert largest == pipeline.evaluation_frames(
    index, ROWS, batch_frames, **options
  )


def test_evaluation_is_the_same_in_both_backends(source):
  whole = evaluate(source, ROWS, 160)
  for left, right in zip(
    evaluate(source, ROWS, 160, backend='tensorflow'), whole, strict=True
  ):
    same(left, right)


@pytest.mark.parametrize('slots', SLOTS)
def test_some_rows_of_an_evaluation_keep_their_places(source, slots):
  # One in the middle cannot be read, and the last batch is not full.
  options = {'max_buckets': 1}
  first = evaluate(source, ROWS, 160, **options)[0]
  damaged = Damaged(source, int(first['sequence'][5]))
  options['unreadable'] = unreadable.Unreadable()
  whole = evaluate(damaged, ROWS, 160, **options)
  some = evaluate(damaged, ROWS, 160, slots=lambda _: slots, **options)
  assert whole[0]['sequence'][5] == -1 and whole[-1]['sequence'][-1] == -1
  for left, right in zip(whole, some, strict=True):
    same(rows_of(left, slots), right)


def test_evaluation_takes_few_lengths(source):
  batches = evaluate(source, ROWS, 40, max_buckets=3)
  assert len({batch[key_of(source)].shape for batch in batches}) <= 3
  assert evaluate(source, ROWS[:0], 40) == []


class Damaged:
  """A source that cannot read one of its sequences."""

  def __init__(self, source, bad):
    self.index, self.modalities = source.index, source.modalities
    self._source, self._bad = source, bad

  def read(self, sequence, frames=None):
    if sequence == self._bad:
      raise UserError(f'{self.index.name(sequence)}: is damaged')
    return self._source.read(sequence, frames)


@pytest.mark.parametrize('backend', BACKENDS)
def test_an_unreadable_sequence_is_named(source, backend, capfd):
  bad = int(train(source, 5)[4]['sequence'][3])
  name = source.index.name(bad)
  with pytest.raises(UserError, match=f'^{name}: is damaged$'):
    train(Damaged(source, bad), 50, backend=backend)
  with pytest.raises(UserError, match=f'^{name}: is damaged$'):
    evaluate(Damaged(source, bad), ROWS, 80, backend=backend)
  # TensorFlow writes to the descriptor what it knows of an error.
  assert capfd.readouterr().err == ''


@pytest.mark.parametrize(
  ('options', 'message'),
  [
    ({'batch': {**BATCH, 'subjects': 6}}, 'is 6, but there are only 5'),
    ({'batch': {**BATCH, 'sequences': 7}}, 'sequences is 7, but .* 6'),
    ({'backend': 'grain'}, "unknown input backend 'grain'"),
  ],
)
def test_bad_input_is_told_at_once(source, options, message):
  with pytest.raises(UserError, match=message):
    train(source, 0, **options)


def test_unknown_labels_stop_training_on_them_but_not_evaluation(source):
  frames = [np.ones((3, 8, 6), np.uint8)] * 2
  odd = sources.ArraySource(
    {'silhouettes': frames}, ['a', 'a'], ['x', 'y'], ['000', 'left']
  )
  batch = {'subjects': 1, 'sequences': 2, 'frames': 2}
  options = dict(dataset=CASIA_B, seed=0)
  for label, name in (('view', 'left'), ('condition', 'x')):
    with pytest.raises(UserError, match=f"no {label} '{name}'"):
      pipeline.train_batches(
        odd, np.arange(2), batch, learned=(label,), **options
      )
  (got,) = evaluate(odd, np.arange(2), 6)
  assert got['view'].tolist() == [0, -1]
  assert got['condition'].tolist() == [-1, -1]


def place(batch):
  mesh = jax.make_mesh((4,), ('data',), axis_types=(AxisType.Auto,))
  return jax.device_put(batch, NamedSharding(mesh, PartitionSpec('data')))


def test_batches_come_to_the_devices_unchanged(source):
  host = train(source, 5)
  copied = list(ahead.prefetch_to_device(iter(host), place))
  assert len(copied) == 5
  for left, right in zip(copied, host, strict=True):
    same({name: np.asarray(values) for name, values in left.items()}, right)
    assert len(left[key_of(source)].sharding.device_set) == 4


def test_prefetch_stays_ahead_by_its_size(source):
  taken = []

  def batches():
    for number, batch in enumerate(train(source, 9)):
      taken.append(number)
      yield batch

  fetched = ahead.prefetch_to_device(batches(), place)
  next(fetched)
  assert taken == [0, 1, 2]


@pytest.mark.parametrize('backend', BACKENDS)
@pytest.mark.parametrize('rule', ['fixed', 'all'])
def test_another_of_the_subject_stands_in_where_one_cannot_be_read(
  source, rule, backend, capsys
):
  batch = {**BATCH, 'frames_rule': rule}
  options = {'batch': batch, 'backend': backend}
  whole = train(source, 6, **options)
  bad = int(whole[4]['sequence'][3])
  left_out = unreadable.Unreadable()
  options['unreadable'] = left_out
  skipped = train(Damaged(source, bad), 6, **options)
  for left, right in zip(whole, skipped, strict=True):
    assert bad not in right['sequence']
    for name in ('subject', key_of(source)):
      good = left['sequence'] != bad
      np.testing.assert_array_equal(left[name][good], right[name][good])
    np.testing.assert_array_equal(left['subject'], right['subject'])
  (later,) = train(Damaged(source, bad), 1, start_step=4, **options)
  same(later, skipped[4])
  some = train(Damaged(source, bad), 5, slots=SLOTS[0], **options)[4]
  same(some, rows_of(later, SLOTS[0]))
  assert len(left_out) == capsys.readouterr().err.count('left out: ') == 1


@pytest.mark.parametrize('backend', BACKENDS)
def test_an_evaluation_leaves_out_what_cannot_be_read(source, backend):
  left_out = unreadable.Unreadable()
  options = {'backend': backend, 'unreadable': left_out}
  batches = evaluate(Damaged(source, 7), ROWS, 80, max_buckets=1, **options)
  seen = np.concatenate([batch['sequence'] for batch in batches])
  assert sorted(seen[seen >= 0]) == [row for row in ROWS if row != 7]
  assert all(len(batch['mask']) == 4 for batch in batches)
  assert len(left_out) == 1


def test_a_subject_without_a_sequence_to_read_ends_the_training(source):
  class Gone(Damaged):
    def read(self, sequence, frames=None):
      if self.index.subject[sequence] == '003':
        raise UserError(f'{self.index.name(sequence)}: is damaged')
      return self._source.read(sequence, frames)

  with pytest.raises(UserError, match='no sequence of subject 003 can be read'):
    train(Gone(source, 0), 9, unreadable=unreadable.Unreadable())


def test_tensorflow_lets_go_of_a_source_when_its_stream_is_closed(source):
  held = Damaged(source, -1)
  gone = weakref.ref(held)
  train(held, 2, backend='tensorflow')
  evaluate(held, ROWS, 4, backend='tensorflow')
  del held
  gc.collect()
  assert gone() is None


def test_tensorflow_keeps_no_function_of_a_closed_stream(source):
  def functions():
    gc.collect()
    return sum(inspect.isfunction(found) for found in gc.get_objects())

  train(source, 2, backend='tensorflow')
  before = functions()
  for _ in range(3):
    train(source, 2, backend='tensorflow')
  assert functions() == before
