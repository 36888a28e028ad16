import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest
from eval_golden import METRICS, ROUNDING, load, run

from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import evaluate, protocols


@pytest.fixture(scope='module')
def golden():
  return {name: load(name) for name in ('casiab', 'oumvlp')}


@pytest.mark.parametrize('metric', METRICS)
@pytest.mark.parametrize(
  'protocol, file, names',
  [('casia_b', 'casiab', ('NM', 'BG', 'CL')), ('oumvlp', 'oumvlp', ('NM',))],
)
def test_per_view_agrees_with_the_published_tool(
  golden, protocol, file, names, metric
):
  data, short = golden[file], METRICS[metric]
  ours = run(protocol, data, metric)
  assert protocols.view_names(data['views']) == data['view_list'].tolist()
  for name in names:
    cells = ours[f'{name}/rank1_by_view']
    published = data[f'acc_single_{short}_{name}'][..., 0]
    np.testing.assert_allclose(cells, published, atol=ROUNDING)
    np.testing.assert_allclose(
      protocols.mean_by_probe_view(cells),
      data[f'per_angle_single_{short}_{name}'][:, 0],
      atol=ROUNDING,
    )
    total = data[f'ret_single_{short}_scalar/test_accuracy/{name}@R1']
    assert ours[f'{name}/rank1'] == pytest.approx(total, abs=ROUNDING)


@pytest.mark.parametrize('metric', METRICS)
@pytest.mark.parametrize(
  'protocol, file, names',
  [
    ('casia_b_cross_view', 'casiab', ('NM', 'BG', 'CL')),
    ('oumvlp_cross_view', 'oumvlp', ('NM',)),
  ],
)
def test_cross_view_agrees_with_the_published_tool(
  golden, protocol, file, names, metric
):
  data, short = golden[file], METRICS[metric]
  ours = run(protocol, data, metric)
  for name in names:
    for key, published, log in (
      ('rank1', 'acc_cross', 'Rank@1'),
      ('mAP', 'acc_cross_map', 'mAP'),
    ):
      np.testing.assert_allclose(
        ours[f'{name}/{key}_by_probe_view'],
        data[f'{published}_{short}_{name}'],
        atol=ROUNDING,
      )
      total = data[f'ret_cross_{short}_scalar/test_accuracy/{name}-{log}']
      assert ours[f'{name}/{key}'] == pytest.approx(total, abs=ROUNDING)


def test_gaitgraph2s_oumvlp_counts_every_cell(golden):
  data = golden['oumvlp']
  ours = run('oumvlp_pose', data)
  # Gallery and probes are the other way round than elsewhere.
  swapped = {**data, 'types': np.where(data['types'] == '00', '01', '00')}
  cells = run('oumvlp', swapped)['NM/rank1_by_view']
  np.testing.assert_array_equal(ours['NM/rank1_by_view'], cells)
  assert ours['NM/rank1'] == pytest.approx(cells.mean())


def test_gaitgraph2s_casia_b_normalises_the_embedding(golden):
  data = golden['casiab']
  flat = data['embeddings'].reshape(len(data['labels']), 1, -1)
  length = np.linalg.norm(flat, axis=-1, keepdims=True)
  cosine = run('casia_b_pose', {**data, 'embeddings': flat}, 'cosine')
  scaled = run('casia_b', {**data, 'embeddings': flat / length})
  for name in ('NM', 'BG', 'CL'):
    assert cosine[f'{name}/rank1'] == pytest.approx(scaled[f'{name}/rank1'])


def test_the_order_of_sequences_does_not_matter(golden):
  data = golden['casiab']
  rows = np.random.default_rng(0).permutation(len(data['labels']))
  ours, shuffled = run('casia_b', data), run('casia_b', data, rows=rows)
  for key, value in ours.items():
    np.testing.assert_array_equal(shuffled[key], value, err_msg=key)


def test_a_subset_of_views_is_the_same_cells(golden):
  data = golden['casiab']
  kept = np.isin(data['views'], ('018', '090', '162'))
  whole, ours = run('casia_b', data), run('casia_b', data, rows=kept)
  cells = whole['CL/rank1_by_view'][np.ix_([1, 5, 9], [1, 5, 9])]
  np.testing.assert_array_equal(ours['CL/rank1_by_view'], cells)
  off = ~np.eye(3, dtype=bool)
  assert ours['CL/rank1'] == pytest.approx(cells[off].mean())


# Five people on a line seen from two views; where a probe stands says who is
# nearest.
def tiny(rows):
  position, subjects, conditions, views = zip(*rows, strict=True)
  return (
    np.array(position, float).reshape(-1, 1, 1),
    subjects,
    conditions,
    views,
  )


CASIA_B = [
  (0.0, 'a', 'nm-01', '000'),
  (1.0, 'b', 'nm-01', '000'),
  (0.0, 'a', 'nm-04', '090'),
  (5.0, 'b', 'nm-02', '090'),
  # Probes: a seen from 000 is nearest to a in both views; b from 090 is
  # nearest to b in view 000, to a in view 090.
  (0.1, 'a', 'nm-05', '000'),
  (1.9, 'b', 'nm-06', '090'),
  # Bag: wrong in the other view, right in its own, which must not count.
  (0.9, 'b', 'bg-01', '000'),
  # Not in the protocol's lists.
  (9.0, 'a', 'xx-01', '000'),
]


def test_casia_b_by_hand():
  ours = evaluate('casia_b', *tiny(CASIA_B))
  np.testing.assert_array_equal(
    ours['NM/rank1_by_view'], [[100.0, 100.0], [100.0, 0.0]]
  )
  assert ours['NM/rank1'] == 100.0
  np.testing.assert_array_equal(
    ours['BG/rank1_by_view'], [[100.0, 0.0], [np.nan, np.nan]]
  )
  assert ours['BG/rank1'] == 0.0
  assert ours['NM/probes'] == 2
  assert ours['BG/probes'] == 1
  assert ours['NM/subjects'] == 2
  # No sequence with a coat: left out.
  assert not [key for key in ours if key.startswith('CL')]


@pytest.mark.parametrize('dtype', ['float16', 'bfloat16', 'int32', 'float64'])
def test_embeddings_of_any_real_type(dtype):
  embeddings, *labels = tiny(CASIA_B)
  embeddings = np.asarray(10 * embeddings, jnp.dtype(dtype))
  ours = evaluate('casia_b', embeddings, *labels)
  assert ours['NM/rank1'] == 100.0
  assert ours['BG/rank1'] == 0.0


def test_one_view_alone_has_no_mean():
  rows = [row for row in CASIA_B if row[3] == '000']
  ours = evaluate('casia_b', *tiny(rows))
  assert ours['NM/rank1_by_view'].tolist() == [[100.0]]
  assert np.isnan(ours['NM/rank1'])


OUMVLP = [
  (0.0, '1', '01', '000'),
  (1.0, '2', '01', '000'),
  (0.0, '1', '01', '180'),
  # View 000: subjects 1 and 2 find themselves in view 180 or have nobody there.
  (0.1, '1', '00', '000'),
  (1.1, '2', '00', '000'),
  # View 180: 2 and 3. Nobody 3 is in any gallery: never a valid probe.
  (1.2, '2', '00', '180'),
  (3.0, '3', '00', '180'),
]


def test_oumvlp_with_and_without_invalid_probes_by_hand():
  ours = evaluate('oumvlp', *tiny(OUMVLP))
  np.testing.assert_array_equal(
    ours['NM/rank1_by_view'], [[100.0, 50.0], [50.0, 0.0]]
  )
  assert ours['NM/rank1'] == 50.0
  # Subject 2 is not in the gallery of 180, subject 3 in none: of view 180's
  # probes nobody could be found there.
  np.testing.assert_array_equal(
    ours['NM/rank1_excluding_invalid_by_view'],
    [[100.0, 100.0], [100.0, np.nan]],
  )
  assert ours['NM/rank1_excluding_invalid'] == 100.0


def test_cross_view_drops_own_subject_in_own_view_by_hand():
  rows = [
    (0.0, 'a', 'nm-01', '000'),
    (0.1, 'a', 'nm-02', '000'),  # Dropped: its own subject and view.
    (0.2, 'b', 'bg-02', '000'),  # Kept: another subject in the same view.
    (0.3, 'a', 'cl-02', '090'),
    (9.0, 'c', 'nm-01', '090'),  # Nobody to find: an error, and no AP.
    (9.1, 'c', 'nm-02', '090'),
  ]
  ours = evaluate('casia_b_cross_view', *tiny(rows))
  assert ours['NM/rank1_by_probe_view'].tolist() == [0.0, 0.0]
  np.testing.assert_array_equal(ours['NM/mAP_by_probe_view'], [50.0, np.nan])
  assert ours['NM/mAP'] == 50.0


def test_views_are_ordered_by_number():
  assert protocols.view_names(['90', '0', '180', '0']) == ['0', '90', '180']
  assert protocols.view_names(['left', 'back']) == ['back', 'left']


NAMES = ['/', '', 'a b', '[x]', 'ü', '*', '٣', '-5', '0.5', 'None', "q'", '\n']


def test_views_and_conditions_of_any_names():
  # Someone stands at one place, seen from everywhere in every condition.
  rows = [
    (float(person), f'{person}', condition, view)
    for person in (1, 2)
    for condition in NAMES
    for view in NAMES
  ]
  own = protocols.Protocol(
    name='own',
    title='Own',
    gallery=protocols.where('/'),
    probes={
      f'{place}': protocols.where(name)
      for place, name in enumerate(NAMES)
      if name not in ('/', '*')
    },
  )
  ours = evaluate(own, *tiny(rows))
  assert len([key for key in ours if key.endswith('rank1')]) == 10
  for key, value in ours.items():
    if key.endswith(('rank1', 'rank1_by_view')):
      np.testing.assert_array_equal(value, np.full_like(value, 100))
  # Of a pattern that is a name too, that name and what it stands for.
  assert protocols.where('[x]').rows(columns('[x]', 'x', 'y')).tolist() == [
    True,
    True,
    False,
  ]


def columns(*conditions):
  names = np.array(conditions)
  return {'subject': names, 'condition': names, 'view': names}


def changed(**changes):
  names = ('embeddings', 'subjects', 'conditions', 'views')
  arguments = dict(zip(names, tiny(CASIA_B), strict=True))
  return {'protocol': 'casia_b', **arguments, **changes}


NAN = np.where(np.arange(8).reshape(8, 1, 1) == 6, np.nan, 1.0)


@pytest.mark.parametrize(
  'changes, message',
  [
    ({'protocol': 'casia'}, r"'casia'.*casia_b, casia_b_cross_view, oumvlp"),
    ({'metric': 'l2'}, r"'l2'.*euclidean, cosine"),
    ({'embeddings': np.zeros((8, 4))}, r'\(8, 4\).*\[N,p,d\]'),
    ({'embeddings': np.zeros((8, 0, 4))}, r'\(8, 0, 4\)'),
    ({'embeddings': np.zeros((7, 1, 1))}, r'7 embeddings.*\(8,\)'),
    ({'embeddings': np.zeros((8, 1, 1), complex)}, r'complex128'),
    ({'views': ['000'] * 9}, r'8 embeddings.*\(9,\)'),
    ({'embeddings': NAN}, r'sequence 6 holds NaN'),
    ({'embeddings': np.full((8, 1, 1), 1e30)}, r'sequence 0 .*1e\+17'),
    ({'conditions': ['nm-05'] * 8}, r'no gallery.*nm-01.*have nm-05'),
    ({'conditions': ['nm-01'] * 8}, r'no probe.*cl-02.*have nm-01'),
    ({'protocol': 'oumvlp'}, r'no gallery.*takes conditions 01;'),
  ],
)
def test_bad_input_is_a_sentence(changes, message):
  with pytest.raises(UserError, match=message):
    evaluate(**changed(**changes))


def test_no_sequence_at_all_is_a_sentence():
  with pytest.raises(UserError, match=r'no gallery.*have none'):
    evaluate('casia_b', np.zeros((0, 1, 1)), [], [], [])


def test_runs_without_tensorflow_tfds_and_clu():
  blocked = ('tensorflow', 'tensorflow_datasets', 'clu', 'matplotlib', 'cv2')
  program = f"""
import sys
for name in {blocked!r}:
  sys.modules[name] = None
import numpy as np
from gaitgs_jax.evaluation import evaluate, report
result = evaluate('oumvlp', np.arange(4.0).reshape(4, 1, 1), list('abab'),
                  ['01', '01', '00', '00'], ['000', '000', '090', '090'])
print(report.table({{'one': result}}, 'oumvlp'))
assert result['NM/rank1'] == 50.0, result
"""
  done = subprocess.run(
    [sys.executable, '-c', program], capture_output=True, text=True, check=False
  )
  assert done.returncode == 0, done.stderr
