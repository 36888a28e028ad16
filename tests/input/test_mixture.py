import itertools

import numpy as np
import pytest

from gaitgs_jax.errors import UserError
from gaitgs_jax.input import (
  datasets,
  mixture,
  pipeline,
  sampling,
  sources,
)

SAMPLERS = {
  'pk': {'subjects': 3, 'sequences': 4},
  'instances': {'sequences': 12},
  'pairs': {'sequences': 12},
}
SLOTS = np.arange(12)


def made(people, walks, seed=0, size=(8, 6), first=0):
  """Returns a source of noise; people of all have the same names."""
  rng = np.random.default_rng(seed)
  names = [
    (f'{subject:03d}', f'nm-{walk:02d}', '090')
    for subject in range(first, first + people)
    for walk in range(1, walks + 1)
  ]
  frames = [
    rng.integers(1, 256, (4 + row % 7, *size), np.uint8)
    for row in range(len(names))
  ]
  return sources.ArraySource({'silhouettes': frames}, *zip(*names, strict=True))


LARGE, SMALL = made(9, 6, 1), made(3, 4, 2)
BOTH = mixture.JoinedSource({'large': LARGE, 'small': SMALL})


def picker(source=BOTH, seed=0, name='pk', rows=None, **fields):
  spec = {'sampler': name, 'frames': 5, **SAMPLERS[name], **fields}
  rows = np.arange(len(source.index)) if rows is None else rows
  return sampling.Picker(source.index, rows, sampling.batch_spec(spec), seed)


def whose(rows):
  """Returns the dataset of each row of the joined index."""
  return BOTH.index.columns['dataset'][rows]


def train(source, rows, number=2, name='pk', **options):
  options = {'dataset': datasets.get('casia_b'), **options}
  options = {'seed': 3, 'backend': 'threads', **options}
  batches = pipeline.train_batches(
    source, rows, {'sampler': name, 'frames': 5, **SAMPLERS[name]}, **options
  )
  return list(itertools.islice(batches, number))


def same(left, right):
  assert left.keys() == right.keys()
  for name in left:
    np.testing.assert_array_equal(left[name], right[name])


@pytest.mark.parametrize('name', SAMPLERS)
def test_a_mixture_of_one_draws_what_the_dataset_alone_draws(name):
  rows = np.arange(6, 48)
  alone = mixture.JoinedSource({'large': LARGE})
  facts = mixture.facts({'large': {'name': 'casia_b'}})
  assert facts is datasets.get('casia_b')
  for left, right in zip(
    train(LARGE, rows, name=name),
    train(alone, rows, name=name, dataset=facts),
    strict=True,
  ):
    same(left, right)


@pytest.mark.parametrize('backend', ['tensorflow', 'threads'])
def test_people_of_two_datasets_are_never_one(backend):
  seen = {}
  for batch in train(BOTH, np.arange(66), 12, backend=backend):
    for i, row in enumerate(batch['sequence'].tolist()):
      subject = BOTH.index.subject[row]
      assert seen.setdefault(batch['subject'][i], subject) == subject
      part, own = (LARGE, row) if row < 54 else (SMALL, row - 54)
      assert subject.endswith(part.index.subject[own])
      stored = {x.tobytes() for x in part.read(own)['silhouettes']}
      assert {x.tobytes() for x in batch['silhouettes'][i]} <= stored
  # Those of the first label are the first classes.
  assert len(seen) == 12
  assert seen[0] == 'large/000' and seen[9] == 'small/000'
  assert BOTH.index.name(54) == 'small/000/nm-01/090'


@pytest.mark.parametrize('name', SAMPLERS)
def test_a_batch_is_the_same_in_parts_and_in_any_order(name):
  whole = picker(name=name).pick(7, SLOTS)
  parts = [picker(name=name).pick(7, own) for own in np.split(SLOTS, 3)]
  joined = np.concatenate([part.sequence for part in parts])
  np.testing.assert_array_equal(joined, whole.sequence)
  turned = mixture.JoinedSource({'small': SMALL, 'large': LARGE})
  other = picker(turned, name=name).pick(7, SLOTS)
  names = [BOTH.index.name(row) for row in whole.sequence]
  assert [turned.index.name(row) for row in other.sequence] == names
  for left, right in zip(other.windows, whole.windows, strict=True):
    np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize(
  ('name', 'power', 'share'),
  [
    ('pk', 1.0, 9 / 12),
    ('pk', 0.0, 1 / 2),
    ('pk', 1000.0, 1),
    ('instances', 1.0, 54 / 66),
    ('instances', 0.5, 54**0.5 / (54**0.5 + 12**0.5)),
    ('pairs', 0.0, 1 / 2),
  ],
)
def test_datasets_are_drawn_by_a_power_of_their_size(name, power, share):
  draw = picker(name=name, mixture_power=power)
  drawn = [whose(draw.sequences(step)) == 'large' for step in range(300)]
  # Of 900 subjects, or 3,600 sequences: a deviation of 0.017 at most.
  assert np.mean(drawn) == pytest.approx(share, abs=0.07)


def test_a_batch_has_other_people_where_a_dataset_has_no_more():
  draw = picker(subjects=8, mixture_power=0.0)
  for step in range(40):
    rows = draw.sequences(step).reshape(8, 4)
    subjects = BOTH.index.subject[rows]
    assert (subjects == subjects[:, :1]).all()
    assert len(set(subjects[:, 0])) == 8
    assert (whose(rows[:, 0]) == 'small').sum() <= 3
  assert len(set(picker(subjects=12).sequences(0).tolist())) > 12
  with pytest.raises(UserError, match='13, but there are only 12 training'):
    picker(subjects=13)
  draw = picker(name='pairs', sequences=66, mixture_power=0.0)
  assert sorted(draw.sequences(0)) == list(range(66))


@pytest.mark.parametrize('name', SAMPLERS)
def test_a_sequence_of_the_same_dataset_stands_in(name):
  others = [row for row, _ in picker(name=name).replacements(0, 0, 60)]
  assert sorted(others) == [
    row
    for row in range(54, 66)
    if row != 60 and (name != 'pk' or 58 <= row < 62)
  ]


def test_views_and_conditions_of_a_mixture_are_those_of_all():
  both = {'a': {'name': 'oumvlp'}, 'b': {'name': 'casia_b'}}
  facts = mixture.facts(both)
  assert facts.name == 'oumvlp + casia_b' and facts.title
  assert len(facts.views) == len({*range(0, 91, 15), *range(180, 271, 15)}) + 8
  views = np.array(['090', '018', '90'])
  assert facts.view_index(views).tolist() == [6, 14, 6]
  assert len(facts.conditions) == 2 + 10
  with pytest.raises(UserError, match=r"oumvlp \+ casia_b has no view '019'"):
    facts.view_index(np.array(['019']))
  # One's own has any.
  facts = mixture.facts({**both, 'c': {'name': 'own'}})
  names = np.array(['door', '090'])
  assert facts.view_index(names).tolist() == [1, 0]
  walkers = [f'synthetic_walkers{kind}' for kind in ('', '_pose')]
  synthetic = {name: {'name': name} for name in walkers}
  assert mixture.facts(synthetic).is_synthetic
  assert not mixture.facts({**synthetic, **both}).is_synthetic


def test_frames_of_two_sizes_are_an_error_that_names_both():
  other = made(2, 2, size=(16, 12))
  message = (
    'config.mixture: a has silhouettes of 8x6, and b has silhouettes of 16x12'
  )
  with pytest.raises(UserError, match=message):
    mixture.JoinedSource({'a': LARGE, 'b': other})


@pytest.mark.parametrize(
  ('given', 'message'),
  [
    ({}, 'config.mixture is empty: name the datasets'),
    ({'a.b': {'name': 'own'}}, "label 'a.b'; it must be of letters"),
    ({'a': {}}, 'config.mixture.a.name must be set'),
    ({'a': {'name': 'casia'}}, "unknown dataset 'casia'"),
    (
      {'a': {'name': 'own', 'rot': 'x'}},
      "config.mixture.a has no field 'rot' .did you mean 'root'",
    ),
    (
      {'a': {'name': 'own', 'on_error': 'skip'}},
      "config.mixture.a has no field 'on_error'",
    ),
    (
      {'a': {'name': 'own', 'format': 'png'}},
      "config.mixture.a.format is 'png'; choose one of",
    ),
  ],
)
def test_wrong_fields_are_named(given, message):
  with pytest.raises(UserError, match=message):
    mixture.check(given)


def test_all_datasets_have_what_the_model_sees():
  poses = {'keypoints': {}}
  given = {'a': {'name': 'casia_b_pose'}, 'b': {'name': 'oumvlp_pose'}}
  mixture.check_inputs({'a': given['a']}, poses, 'casia_b_pose')
  with pytest.raises(UserError, match='b: oumvlp_pose has skeletons of openp'):
    mixture.check_inputs(given, poses, 'casia_b_pose')
  with pytest.raises(UserError, match=r'b: config\.inputs names keypoints'):
    mixture.check_inputs({'b': {'name': 'casia_b'}}, poses, 'casia_b_pose')
