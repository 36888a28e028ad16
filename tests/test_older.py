import json

import pytest

from gaitgs_jax import older


@pytest.mark.parametrize(
  ('size', 'inputs'),
  [
    ([64, 44], {'silhouettes': {'size': [64, 44]}}),
    ([17, 3], {'keypoints': {}}),
  ],
)
def test_a_config_of_an_earlier_version_is_called_by_the_new_names(
  size, inputs
):
  before = {
    'seed': 0,
    'dataset': {'name': 'casia_b', 'size': size},
    'batch': {'subjects': 8, 'sampler': 'unfixed', 'frames_min': 3},
    'evaluation': {'protocol': 'casia_b', 'batch_size': 16},
  }
  written = json.dumps(before)
  assert older.upgraded(before) == {
    'seed': 0,
    'dataset': {'name': 'casia_b', 'pair': 'exact'},
    'inputs': inputs,
    'batch': {
      'subjects': 8,
      'sampler': 'pk',
      'frames_rule': 'unfixed',
      'frames_min': 3,
    },
    'evaluation': {
      'protocol': 'casia_b',
      'batch_frames': 1600,
      'frames_max': 0,
      'verification': False,
    },
  }
  assert json.dumps(before) == written


@pytest.mark.parametrize(
  'config',
  [
    {},
    {'dataset': [], 'batch': None, 'evaluation': 3},
    {'batch': {'sampler': 'pairs', 'sequences': 4}},
    {
      'inputs': {'silhouettes': {'size': [64, 44]}},
      'batch': {'sampler': 'pairs', 'frames_rule': 'fixed'},
      'evaluation': {'batch_frames': 10, 'verification': True},
    },
  ],
)
def test_another_config_stays_as_it_is(config):
  assert older.upgraded(config) == config
