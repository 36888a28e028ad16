"""Rates of strangers and the distances that go with them."""

import numpy as np
import pytest

from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation.result_files import Saved
from gaitgs_jax.gallery import Calibration
from gaitgs_jax.gallery.calibration import rounded_up


def of(**result):
  result = {k.replace('_', '/'): v for k, v in result.items()}
  return Calibration.of(Saved(result, {}), 'the evaluation')


def curve(percent, distances):
  return np.array([percent, distances], float)


def test_a_rate_and_its_distance_agree():
  found = of(thresholds=curve([0.1, 1, 10, 100], [2, 3, 5, 9]))
  assert found.threshold(0.01) == 3
  assert found.threshold(0.05) == 3
  # Of ten walks each may accept a tenth.
  assert found.threshold(0.1, walks=10) == 3
  np.testing.assert_allclose(
    found.rate(np.array([1, 2, 2.1, 3, 9, 10])),
    [0.001, 0.001, 0.01, 0.01, 1, 1],
  )
  np.testing.assert_allclose(
    found.rate(np.array([2.0, 4.0]), walks=20), [0.02, 1]
  )
  for rate in np.logspace(-3, 0, 40):
    limit = found.threshold(rate)
    for distance in np.arange(0, 10, 0.25):
      share = found.rate(np.array(distance))
      assert (distance <= limit) == (share <= rate * (1 + 1e-9)) or rate == 1


def test_the_strictest_kind_of_probes_decides():
  found = of(
    NM_thresholds=curve([0.1, 1, 100], [2, 3, 9]),
    CL_thresholds=curve([1, 10, 100], [4, 5, 7]),
  )
  # Below 1 % nothing is known of CL.
  np.testing.assert_allclose(found.rates, [0.01, 0.1, 1])
  np.testing.assert_allclose(found.distances, [3, 3, 7])


def test_two_distances_of_an_earlier_version_do():
  found = of(**{'NM_threshold@1e-2': 3.0, 'NM_threshold@1e-3': 2.0})
  assert (found.threshold(1e-2), found.threshold(0.5)) == (3, 3)
  assert found.rate(np.array(2.5)) == 0.01
  assert found.rate(np.array(3.5)) == 1
  assert of(NM_rank1=50.0) is None


def test_a_rate_that_the_evaluation_cannot_tell_is_refused():
  found = of(thresholds=curve([1, 100], [2, 9]))
  with pytest.raises(
    UserError, match=r'0\.001 takes .* 1 in 100 at best; pass'
  ):
    found.threshold(1e-3)
  message = r'against 20 enrolled walks .* 1 in 2,000 pairs .*--far=0\.2 or'
  with pytest.raises(UserError, match=message):
    found.threshold(0.01, walks=20)
  assert found.threshold(0.2, walks=20) == 2
  with pytest.raises(UserError, match='use a smaller gallery'):
    found.threshold(1.0, walks=200)


def test_it_is_stored_as_text():
  found = of(thresholds=curve([0.1, 1, 100], [2, 3, 9]))
  again = Calibration.from_json(found.to_json())
  np.testing.assert_allclose(again.rates, found.rates)
  np.testing.assert_allclose(again.distances, found.distances)
  assert again.origin == 'the evaluation'


@pytest.mark.parametrize(
  'text',
  [
    '',
    '[]',
    '{"rates": [0.1], "origin": ""}',
    '{"rates": [], "distances": [], "origin": ""}',
    '{"rates": [0.1, 0.1], "distances": [1, 2], "origin": ""}',
    '{"rates": [0.1, 0.2], "distances": [1, NaN], "origin": ""}',
    '{"rates": [0.1, 2], "distances": [1, 2], "origin": ""}',
    '{"rates": [0.1], "distances": [[1]], "origin": ""}',
    '{"rates": ["a"], "distances": [1], "origin": ""}',
  ],
)
def test_damaged_text_is_one_message(text):
  with pytest.raises(UserError, match='stored in the gallery is damaged'):
    Calibration.from_json(text)


def test_a_bound_that_is_shown_is_none_too_low():
  for rate, shown in (
    (5.036, '5.1'),
    (99.4, '100'),
    (0.0641, '0.065'),
    (2, '2'),
  ):
    assert f'{rounded_up(rate):g}' == shown
