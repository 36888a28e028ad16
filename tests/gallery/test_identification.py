"""From the nearest walks to people."""

import numpy as np
import pytest

from gaitgs_jax.errors import UserError
from gaitgs_jax.gallery import (
  Calibration,
  Enrolled,
  ExactTiles,
  InMemory,
  identify,
)

# On a line: a has many walks near 0, b one at 3, c one at 10.
PLACES = [0, 0.1, 0.2, 0.3, 0.4, 3, 10]
ENROLLED = Enrolled(
  ['a', 'b', 'c'],
  np.array([0, 0, 0, 0, 0, 1, 2]),
  [f'walk {place}' for place in PLACES],
  np.array(PLACES, np.float32)[:, None, None],
)
CALIBRATION = Calibration(
  np.array([0.001, 0.01, 0.1, 1]), np.array([0.5, 1.0, 2, 20]), 'evaluation'
)


def ask(*places, **options):
  options = {'far': 0.1, **options}
  return identify(
    np.array(places, np.float32)[:, None, None],
    InMemory(ENROLLED, ExactTiles(ENROLLED.embeddings, 'euclidean')),
    CALIBRATION,
    **options,
  )


def test_people_are_ranked_by_their_nearest_walk():
  near, far = ask(0.55, 6)
  assert near.name == 'a'
  assert [each.name for each in near.candidates] == ['a', 'b', 'c']
  assert near.candidates[0].source == 'walk 0.4'
  distances = [each.distance for each in near.candidates]
  np.testing.assert_allclose(distances, [0.15, 2.45, 9.45], rtol=1e-4)
  # Seven walks: seven times the rate of a pair.
  rates = [each.far for each in near.candidates]
  np.testing.assert_allclose(rates, [0.007, 1, 1])
  assert far.name == ''
  assert [each.name for each in far.candidates] == ['b', 'c', 'a']


def test_all_walks_of_one_person_do_not_hide_the_others():
  for count in (1, 2, 3):
    (found,) = ask(0.2, count=count)
    assert [each.name for each in found.candidates] == ['a', 'b', 'c'][:count]


def test_a_smaller_rate_names_fewer():
  assert ask(3.8)[0].name == 'b'
  assert ask(3.8, far=0.01)[0].name == ''
  with pytest.raises(UserError, match='against 7 enrolled walks'):
    ask(3.8, far=0.001)
