"""Hostile protocol files: a protocol that finds rows, or one sentence."""

import json

import hypothesis
import hypothesis.strategies as st
import numpy as np

from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import protocols, report

COLUMNS = ('subject', 'condition', 'view', 'lamp')
NAMES = st.sampled_from(
  ['a', 'b', 'nm-1', 'bg-1', '0', '90', '*', '?', '[', '[!a]*', 'nm-*', '']
)
ODD = st.sampled_from([None, -1, 0, 1.5, 10**30, '', '\0', [], {}, [[]], 'x/y'])
RULE = st.recursive(
  st.dictionaries(
    st.sampled_from(COLUMNS),
    st.one_of(NAMES, st.lists(NAMES, max_size=3), st.booleans(), ODD),
    max_size=2,
  ),
  lambda inner: st.fixed_dictionaries({'not': inner}),
  max_leaves=3,
)
RULES = st.one_of(
  RULE, st.dictionaries(st.sampled_from(['', 'NM', 'x']), RULE, max_size=2)
)
METRICS = st.sampled_from(
  ['rank1', 'rank5', 'rank9999', 'CMC', 'mAP', 'mINP', 'accuracy', 'f1',
   'rank1_including_identical', 'rank0', 'rank', '']
)  # fmt: skip
FIELDS = {
  'dropped': st.lists(st.sampled_from([*COLUMNS, 'x']), max_size=2),
  'mean_over': st.sampled_from(['cells', 'views', 'probes', 'x']),
  'metrics': st.lists(METRICS, max_size=3),
  'invalid': st.sampled_from(['errors', 'excluded', 'both', 'x']),
  'ignored': RULE,
  'view_until': NAMES,
  'rerank': st.dictionaries(
    st.sampled_from(['k1', 'k2', 'weight', 'x']), st.integers(0, 9)
  ),
  'classes': st.lists(NAMES, max_size=2),
  'truth': st.sampled_from([*COLUMNS, 'x']),
  'submission': st.sampled_from(['', 'grew', 'hid']),
  'name': NAMES,
}
FILES = st.fixed_dictionaries(
  {'gallery': RULES, 'probes': RULES},
  optional={name: st.one_of(each, ODD) for name, each in FIELDS.items()},
)
ROWS = [
  (subject, condition, view, lamp)
  for subject in 'ab'
  for condition in ('nm-1', 'bg-1')
  for view, lamp in (('0', True), ('90', False))
]


@hypothesis.given(content=st.one_of(FILES, FILES, st.recursive(ODD, st.lists)))
def test_a_file_selects_or_says_what_is_wrong(tmp_path_factory, content):
  path = tmp_path_factory.getbasetemp() / 'protocol.json'
  path.write_text(json.dumps(content))
  *labels, lamp = zip(*ROWS, strict=True)
  try:
    protocol = protocols.get_protocol(str(path))
    again = protocols.of_result({'rules': protocol.plain()})
    assert again == protocol
    found = protocols.select(protocol, *labels, {'lamp': np.array(lamp)})
  except UserError as error:
    assert str(error)
    return
  assert report.table({'x': {}}, protocol)
  for group in found.groups:
    assert len(group.gallery) or protocol.classes
    assert all(map(len, group.probes.values()))
  rows = np.concatenate([group.probe_rows() for group in found.groups])
  assert (found.views[rows] >= 0).all()
