"""The nearest walks, one probe at a time and many at once."""

import numpy as np
import pytest

from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import distance
from gaitgs_jax.gallery import ExactTiles, search


@pytest.mark.parametrize('metric', distance.METRICS)
@pytest.mark.parametrize('count', [1, 3, search._FEW + 1])
def test_every_walk_is_compared(metric, count, monkeypatch):
  monkeypatch.setattr(search, '_TILE', 7)
  random = np.random.default_rng(0)
  gallery = random.standard_normal((40, 3, 8), np.float32)
  # The first of equals comes first, and a part may have no direction.
  gallery[:, 2] *= random.integers(0, 2, 40)[:, None]
  gallery[30] = gallery[11] = gallery[5]
  probes = gallery[:count] + random.standard_normal((count, 3, 8), np.float32)
  found = ExactTiles(gallery, metric).nearest(probes, 40)
  matrix = np.asarray(distance.pairwise(probes, gallery, metric=metric))
  np.testing.assert_allclose(
    found.distances, np.sort(matrix, axis=1), rtol=1e-5, atol=1e-5
  )
  by_row = np.take_along_axis(matrix, found.rows, axis=1)
  np.testing.assert_allclose(found.distances, by_row, rtol=1e-5, atol=1e-5)
  for rows in found.rows.tolist():
    assert sorted(rows) == [*range(40)]
    assert rows.index(5) + 1 == rows.index(11) == rows.index(30) - 1
  few = ExactTiles(gallery, metric).nearest(probes, 6)
  np.testing.assert_array_equal(few.rows, found.rows[:, :6])


@pytest.mark.parametrize('count', [1, search._FEW + 1])
def test_what_is_not_finite_is_one_message(count):
  gallery = np.ones((20, 2, 4), np.float32)
  gallery[13, 1, 2] = np.nan
  with pytest.raises(UserError, match='to row 13 of the gallery is not finite'):
    ExactTiles(gallery, 'euclidean').nearest(gallery[:count] * 2, 5)
