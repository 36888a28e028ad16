import numpy as np
import pytest

from gaitgs_jax.evaluation import published as numbers
from gaitgs_jax.evaluation import report
from gaitgs_jax.evaluation.published import published


def test_gaitgs_on_casia_b():
  found = published('casia_b', 'casia_b', 'gaitgs', (64, 44))
  assert found['NM/rank1'] == 97.9
  assert found['BG/rank1'] == 94.6
  assert found['CL/rank1'] == 86.9
  larger = published('casia_b', 'casia_b', 'gaitgs', (128, 88))
  assert larger['CL/rank1'] == 89.7


def test_rows_per_view_average_to_the_published_mean():
  for (model, height), rows in numbers._CASIA_B_BY_VIEW.items():
    found = published('casia_b', 'casia_b', model, (height, 0))
    for name, row in rows.items():
      assert len(row) == 11
      assert round(float(np.mean(row)), 1) == found[f'{name}/rank1']
      np.testing.assert_array_equal(
        report.by_probe_view(found, f'{name}/rank1', 'casia_b'), row
      )


def test_oumvlp_says_which_way_invalid_probes_count():
  gaitgs = published('oumvlp', 'oumvlp', 'gaitgs', (64, 44))
  assert gaitgs == {'NM/rank1_excluding_invalid': 97.6}
  gaitset = published('oumvlp', 'oumvlp', 'gaitset', (64, 44))
  assert gaitset == {'NM/rank1': 87.2}


@pytest.mark.parametrize(
  'protocol, dataset, model, size',
  [
    ('casia_b', 'synthetic_walkers', 'gaitgs', (64, 44)),
    ('casia_b_cross_view', 'casia_b', 'gaitgs', (64, 44)),
    ('casia_b', 'casia_b', 'gaitgs', (32, 22)),
    ('oumvlp', 'oumvlp', 'unheard_of', (64, 44)),
  ],
)
def test_nothing_comparable_is_nothing(protocol, dataset, model, size):
  assert published(protocol, dataset, model, size) == {}


def test_gaitgraph2_stands_under_its_own_protocol_alone():
  found = published('casia_b_pose', 'casia_b_pose', 'gaitgraph2', (17, 3))
  assert found == {'NM/rank1': 82.0, 'BG/rank1': 73.2, 'CL/rank1': 63.6}
  assert not published('casia_b', 'casia_b_pose', 'gaitgraph2', (17, 3))
  assert not published(
    'casia_b_pose', 'synthetic_walkers_pose', 'gaitgraph2', (17, 3)
  )


@pytest.mark.parametrize('partition', ['people.json', 'my/people', '/a/b.json'])
def test_people_of_ones_own_have_no_published_numbers(partition):
  asked = ('casia_b', 'casia_b', 'gaitgs', (64, 44))
  assert published(*asked, 'casia_b_73')['NM/rank1'] == 97.9
  assert published(*asked, partition) == {}
  assert published('oumvlp', 'oumvlp', 'gaitset', (64, 44), partition) == {}
