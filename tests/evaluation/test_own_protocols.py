"""Protocols of one's own: JSON files and values in a module."""

import json

import numpy as np
import pytest
from eval_golden import assert_same

from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import evaluate, protocols, report

CORRIDOR = {
  'title': 'A corridor',
  'gallery': {'condition': 'nm-*', 'not': {'view': '270'}},
  'probes': {
    'BG': {'condition': ['bg-1', 'bg-2']},
    'night': {'condition': 'bg-*', 'lamp': False},
  },
  'dropped': ['subject', 'view'],
}
# Place, subject, condition, view, lamp.
ROWS = [
  (0.0, 'a', 'nm-1', '0', True),
  (9.0, 'a', 'nm-2', '90', True),
  (1.0, 'b', 'nm-1', '90', True),
  # In a view that the gallery leaves out.
  (0.5, 'b', 'nm-1', '270', True),
  # Of its own view dropped: b, then a.
  (0.1, 'a', 'bg-1', '0', False),
  (1.1, 'b', 'bg-2', '0', True),
]


def write(tmp_path, content, name='corridor'):
  path = tmp_path / f'{name}.json'
  path.write_text(content if isinstance(content, str) else json.dumps(content))
  return str(path)


def count(protocol):
  place, subjects, conditions, views, lamp = zip(*ROWS, strict=True)
  return evaluate(
    protocol,
    np.array(place).reshape(-1, 1, 1),
    subjects,
    conditions,
    views,
    columns={'lamp': lamp},
  )


def test_a_file_by_hand(tmp_path):
  ours = count(write(tmp_path, CORRIDOR))
  assert ours['BG/rank1'] == 50
  assert ours['BG/rank5'] == 100
  assert ours['BG/mAP'] == pytest.approx(75)
  assert ours['BG/mINP'] == pytest.approx(75)
  assert ours['night/rank1'] == 0
  assert ours['night/mAP'] == pytest.approx(50)
  assert ours['BG/probes'] == 2
  assert ours['night/subjects'] == 1


def test_what_a_file_says_is_said(tmp_path):
  path = write(tmp_path, CORRIDOR)
  text = report.table({'x': count(path)}, path)
  fingerprint = protocols.get_protocol(path).fingerprint
  assert text.splitlines()[:5] == [
    f'protocol  A corridor (corridor, {fingerprint})',
    'gallery   nm-* and not view 270',
    'probes    BG bg-1, bg-2 (2 sequences of 2 subjects); '
    'night bg-* and lamp false (1 sequences of 1 subjects)',
    'distance  mean over parts of the Euclidean distance',
    "counted   one gallery of all views, less the probe's own subject in its "
    'own view; mean over probes',
  ]
  assert 'night mINP' in text


def test_one_set_of_probes_needs_no_name(tmp_path):
  changed = {**CORRIDOR, 'probes': {'condition': 'bg-*'}}
  ours = count(write(tmp_path, changed))
  assert ours['rank1'] == 50
  assert ours['mINP'] == pytest.approx(75)


def test_cells_of_views(tmp_path):
  rules = {
    'gallery': {'condition': 'nm-*'},
    'probes': {'condition': 'bg-*'},
    'mean_over': 'cells',
    'ignored': {'view': '270'},
  }
  ours = count(write(tmp_path, rules))
  # Probes of view 0 only; in view 90 stand b at 1 and a at 9.
  np.testing.assert_array_equal(
    ours['rank1_by_view'], [[50, 50], [np.nan, np.nan]]
  )
  assert ours['rank1'] == 50


def test_reranked(tmp_path):
  rules = {**CORRIDOR, 'rerank': {'k1': 2, 'k2': 1, 'weight': 1}}
  plain = count(write(tmp_path, CORRIDOR))
  # All weight on the distances as they are: nothing changes.
  assert_same(count(write(tmp_path, rules)), plain)


def test_classes(tmp_path):
  rules = {'classes': ['no', 'yes'], 'truth': 'condition'}
  path = write(tmp_path, rules, 'disease')
  # Two parts, whose mean decides.
  logits = np.array([[[1, 0], [1, 0]], [[2, 0], [0, 1]], [[1, 0], [0, 3]]])
  people, views = ['a', 'b', 'c'], ['0', '0', '0']
  ours = evaluate(path, logits, people, ['no', 'yes', 'yes'], views)
  numbers = {
    'accuracy': 200 / 3,
    'precision': 75.0,
    'recall': 75.0,
    'f1': 200 / 3,
    'probes': 3,
    'subjects': 3,
  }
  assert {name: ours[name] for name in numbers} == pytest.approx(numbers)
  assert ours.keys() - numbers.keys() == {
    f'{name}_interval' for name in ('accuracy', 'precision', 'recall', 'f1')
  }
  assert 'counted   condition: no, yes' in report.table({'x': ours}, path)
  with pytest.raises(UserError, match=r"condition 'maybe' is not a class"):
    evaluate(path, logits, people, ['no', 'yes', 'maybe'], views)
  with pytest.raises(UserError, match=r'2 classes, and the embeddings 4'):
    evaluate(path, np.zeros((3, 1, 4)), people, ['no'] * 3, views)


@pytest.mark.parametrize(
  'change, message',
  [
    ({'galery': {}}, r"no field 'galery' \(did you mean 'gallery'"),
    ({'gallery': None}, r'gallery is null; it must be an object'),
    ({'gallery': {'condition': 3}}, r'gallery.condition is 3; it must be a na'),
    ({'gallery': {'condition': []}}, r'gallery.condition is \[\]; it must be'),
    ({'gallery': {'not': 'x'}}, r'gallery.not is "x"; it must be an object'),
    (
      {'gallery': {'BG': {}}},
      r'gallery is given for BG, and probes for BG, n',
    ),
    ({'probes': {'BG': 'bg-1', 'x': {}}}, r'probes.x is \{\}; it must be'),
    (
      {'probes': {}, 'gallery': {}, 'dropped': []},
      r'6 .* gallery and probe',
    ),
    ({'probes': {'a/b': {}}}, r"the name 'a/b' must be printable, without a /"),
    ({'dropped': 'view'}, r'dropped is "view"; it must be a list of names'),
    ({'dropped': ['camera']}, r"needs column 'camera' .*condition, lamp, subj"),
    ({'mean_over': 'view'}, r"mean_over is 'view' \(did you mean 'views'"),
    (
      {'mean_over': 'cells'},
      r'dropped is subject, view; with mean_over "cell',
    ),
    ({'metrics': ['map']}, r"unknown metric 'map' \(did you mean 'mAP'"),
    ({'metrics': ['rank0']}, r"unknown metric 'rank0'"),
    ({'metrics': []}, r'metrics names none'),
    (
      {'invalid': 'no'},
      r"invalid is 'no'; choose one of errors, exclude",
    ),
    ({'rerank': {'k': 3}}, r"rerank has no field 'k' \(did you mean"),
    ({'rerank': {'k1': 2.5}}, r'rerank.k1 is 2.5; it must be a whole number'),
    ({'rerank': {'weight': 2}}, r'rerank.weight is 2; it must be 0 to 1'),
    ({'submission': 'gru'}, r"submission is 'gru'.* grew, hid, mgr"),
    ({'name': 'casia_b'}, r"'casia_b' is the name of a published protocol"),
    ({'name': 5}, r'name is 5; it must be text'),
    ({'title': '\x1b[2J'}, r'title is .*; it must be text'),
    ({'gallery': {'\r': 'x'}}, r"gallery has the field '\\r'"),
    ({'gallery': {'view': '\0'}}, r'gallery.view is .*; it must be a name'),
    (
      {'gallery': {'condition': 'x'}},
      r'no gallery sequence .*takes condition',
    ),
    ({'gallery': {'lamp': 'on'}}, r"'lamp' holds bools, and .* with names"),
  ],
)
def test_what_is_wrong_in_a_file_is_said(tmp_path, change, message):
  path = write(tmp_path, {**CORRIDOR, **change})
  with pytest.raises(UserError, match=message) as caught:
    count(path)
  assert 'corridor' in str(caught.value) or 'lamp' in str(caught.value)


@pytest.mark.parametrize(
  'content, message',
  [
    ('{', r'not JSON \('),
    ('[]', r'the file is \[\]; it must be an object'),
    ('{"probes": {}}', 'gallery is missing; give a rule such as'),
    ('{"gallery": {}}', 'probes is missing'),
    (
      '{"gallery": {}, "gallery": {}}',
      r"not JSON \(it names the field 'ga",
    ),
  ],
)
def test_a_file_that_is_no_protocol(tmp_path, content, message):
  with pytest.raises(UserError, match=rf'protocol .*corridor.json: {message}'):
    protocols.get_protocol(write(tmp_path, content))


def test_no_file():
  with pytest.raises(UserError, match=r'cannot read protocol x.json: No such'):
    protocols.get_protocol('x.json')


def test_a_value_in_a_module_of_ones_own(tmp_path, monkeypatch):
  (tmp_path / 'my_hall.py').write_text(
    'from gaitgs_jax.evaluation.protocols import Protocol, where\n'
    "HALL = Protocol(name='hall', title='Hall', gallery=where('nm-*'),\n"
    "  probes={'': where('bg-*')}, mean_over='probes', dropped=())\n"
  )
  monkeypatch.syspath_prepend(tmp_path)
  assert count('my_hall.HALL')['rank1'] == 100
  for name, message in (
    ('my_hal.HALL', r"no module 'my_hal'"),
    ('my_hall.hall', r"my_hall has no 'hall'"),
    ('my_hall.where', r'is not a Protocol'),
    ('.x', 'unknown protocol'),
    ('..', 'unknown protocol'),
  ):
    with pytest.raises(UserError, match=message):
      protocols.get_protocol(name)


@pytest.mark.parametrize('name', protocols.PROTOCOLS)
def test_a_result_keeps_its_rules(name):
  protocol = protocols.PROTOCOLS[name]
  rules = json.loads(json.dumps(protocol.plain()))
  again = protocols.of_result({'protocol': name, 'rules': rules})
  assert again == protocol
  assert again.fingerprint == protocol.fingerprint
  # One that was saved before rules were has its name alone.
  assert protocols.of_result({'protocol': name}) == protocol
  assert protocols.of_result({}, name) == protocol
  assert protocols.of_result({}) is None
  with pytest.raises(UserError, match='the rules of a saved result'):
    protocols.of_result({'rules': [1]})


@pytest.mark.parametrize('name', ['os.path', 'corridor.json', 'casia'])
def test_the_name_in_a_result_opens_nothing(tmp_path, monkeypatch, name):
  write(tmp_path, CORRIDOR)
  monkeypatch.chdir(tmp_path)
  with pytest.raises(UserError, match=rf"unknown protocol '{name}'"):
    protocols.of_result({'protocol': name})


def test_fingerprints_tell_rules_apart_and_not_names():
  every = [each.fingerprint for each in protocols.PROTOCOLS.values()]
  # GaitGraph2's on CASIA-B is the silhouettes' with another distance, and
  # FreeGait's is Gait3D's.
  assert len({*every}) == len(every) - 2
  protocol = protocols.PROTOCOLS['casia_b_cross_view']
  plain = protocol.plain()
  for change, same in (
    ({'title': 'Other', 'name': 'other', 'metrics': ['rank1']}, True),
    ({'dropped': []}, False),
    ({'gallery': {'condition': ['nm-02']}}, False),
    ({'rerank': {}}, False),
  ):
    changed = protocols.parse({**plain, **change}, 'here').fingerprint
    assert (changed == protocol.fingerprint) == same
