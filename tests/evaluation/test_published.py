import pathlib
import re

import ml_collections
import numpy as np
import pytest

from gaitgs_jax.apps import config_file, shipped
from gaitgs_jax.configs import common
from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import protocols, report
from gaitgs_jax.evaluation.published import check, published
from gaitgs_jax.training import preprocessing

# A config -> the last cell of its row, such as '97.9, 94.6, 86.9'.
ROWS = dict(
  re.findall(
    r'^\| `(\w+)\.py` \|.*\| *([^|]*?) *\|$',
    (pathlib.Path(__file__).parents[2] / 'docs/results.md').read_text(),
    re.MULTILINE,
  )
)


def beside(config, **changes):
  """Returns what is shown next to the run of a config."""
  run = dict(
    dataset=config.dataset.name,
    model_name=config.model_name,
    inputs=preprocessing.input_sizes(config),
    partition=config.dataset.partition,
  )
  protocol = changes.pop('protocol', config.evaluation.protocol)
  return published(
    config.get('published'),
    protocols.get_protocol(protocol),
    **{**run, **changes},
  )


def in_order(figures, protocol):
  """Returns figures in the order of the protocol's probes and metrics."""
  keys = [
    protocols.key(name, metric + ending)
    for name in protocol.probes
    for metric in protocol.metrics
    for ending in ('', '_excluding_invalid')
  ]
  assert {*figures} <= {*keys}
  return [figures[key] for key in keys if key in figures]


@pytest.mark.parametrize('name', config_file.names())
def test_what_a_config_claims_is_in_its_row_of_the_results(name):
  is_told_elsewhere = name.startswith('demo') or name in shipped.names()
  assert name in ROWS or is_told_elsewhere
  config = config_file.load(name)
  check(config.get('published', {}))
  found = beside(config)
  claim = config.get('published', {})
  # Figures of a submission stand beside no local count.
  submitted = protocols.PROTOCOLS.get(claim.get('protocol', ''))
  if submitted is None or not submitted.submission:
    assert bool(found) == bool(claim)
  for key in [key for key in found if key.endswith('_by_probe_view')]:
    row = found.pop(key)
    assert len(row) == 11
    mean = found[key.removesuffix('_by_probe_view')]
    assert round(float(np.mean(row)), 1) == mean
  protocol = protocols.get_protocol(config.evaluation.protocol)
  figures = [f'{each:.1f}' for each in in_order(found, protocol)]
  if claim and not found:
    figures = [f'{each:.1f}' for each in claim.numbers.values()]
  shown = re.findall(r'\d+\.\d', ROWS.get(name, ''))
  if figures:
    # Of many, the row shows the one that the field goes by.
    assert shown and set(shown) <= set(figures)
    assert shown == figures or len(figures) > 3


def test_rows_per_view_are_read_by_the_table():
  found = beside(config_file.load('casia_b'))
  row = report.by_probe_view(found, 'CL/rank1', 'casia_b')
  assert row[0] == 80.4
  assert row[-1] == 77.0


@pytest.mark.parametrize(
  'changes',
  [
    {'dataset': 'synthetic_walkers'},
    {'protocol': 'casia_b_cross_view'},
    {'inputs': {'silhouettes': (32, 22)}},
    {'inputs': {'parsing': (64, 44)}},
    {'inputs': {'silhouettes': (64, 44), 'parsing': (64, 44)}},
    {'model_name': 'cstl'},
    {'partition': 'people.json'},
    {'partition': 'my/people'},
  ],
)
def test_of_something_else_nothing_is_comparable(changes):
  config = config_file.load('casia_b')
  assert beside(
    config, partition='casia_b_73', inputs={'silhouettes': [64, 44]}
  )
  assert beside(config, **changes) == {}


def test_other_rules_under_the_same_name_are_not_comparable():
  plain = protocols.PROTOCOLS['casia_b'].plain()
  changed = protocols.parse({**plain, 'dropped': []}, 'here')
  assert beside(config_file.load('casia_b'), protocol=changed) == {}


@pytest.mark.parametrize(
  'field, value, message',
  [
    ('inputs', 64, r'published.inputs is 64; it must be a non-empty dict'),
    ('inputs', {}, 'it must be a non-empty dict'),
    ('inputs', {'rgb': 9}, r'inputs.rgb is 9; it must be a tuple'),
    ('protocol', 1, r'published.protocol is 1; it must be text'),
    (
      'numbers',
      (1,),
      r'published.numbers is \(1,\); it must be a non-empty dict',
    ),
    ('numbers', {'NM/rnk1': 9.0}, r"casia_b has no 'NM/rnk1' \(did .*NM/rank1"),
    ('numbers', {'rank1': 9.0}, r"numbers: casia_b has no 'rank1'"),
    ('numbers', {'NM/mAP': 9.0}, r"numbers: casia_b has no 'NM/mAP'"),
    ('numbers', {'NM/rank1': '9'}, r"NM/rank1 is '9'; it must be a percentage"),
    ('numbers', {'NM/rank1': 979}, r'NM/rank1 is 979; it must be'),
    ('numbers', {'NM/rank1': (9.0,)}, r'NM/rank1 is \(9.0,\); it must be'),
    ('numbers', {'NM/rank1_by_probe_view': 9}, r'view is 9; it must be'),
  ],
)
def test_a_claim_that_is_wrong_is_said(field, value, message):
  claim = config_file.load('casia_b').published
  with claim.ignore_type():
    claim[field] = (
      ml_collections.ConfigDict(value) if isinstance(value, dict) else value
    )
  with pytest.raises(UserError, match=message):
    check(claim)
  del claim['dataset']
  with pytest.raises(UserError, match=r'config.published lacks dataset'):
    check(claim)


def test_several_inputs_and_metrics_are_claimed_in_the_same_form():
  inputs = {'heatmaps': (64, 44, 2), 'silhouettes': (64, 44)}
  config = common.run(
    'own', 'gait3d', **{name: dict(size=size) for name, size in inputs.items()}
  )
  config.model_name = 'two'
  common.claim(config, {'rank1': 77.6, 'rank5': 89.4, 'mAP': 70.3, 'mINP': 42})
  check(config.published)
  found = beside(config)
  assert found == {'rank1': 77.6, 'rank5': 89.4, 'mAP': 70.3, 'mINP': 42}
  del config.inputs.heatmaps
  assert beside(config) == {}
  table = report.table({'seen': {'rank1': 50.0}}, 'gait3d', found)
  assert re.search(r'published +77.6', table)
