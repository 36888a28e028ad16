"""Searching an index of usearch; `make test-postgres` installs it."""

import numpy as np
import pytest

from gaitgs_jax.evaluation import distance
from gaitgs_jax.gallery import ExactTiles, approximate


@pytest.mark.parametrize('metric', distance.METRICS)
def test_the_nearest_are_those_of_all_walks(metric, monkeypatch):
  pytest.importorskip('usearch', reason='usearch is not installed')
  monkeypatch.setattr(approximate, '_CANDIDATES', 60)
  random = np.random.default_rng(0)
  centres = random.standard_normal((40, 1, 4, 16), np.float32)
  noise = 0.3 * random.standard_normal((40, 5, 4, 16), np.float32)
  gallery = (centres + noise).reshape(200, 4, 16)
  # Of equals the first.
  gallery[[50, 100]] = gallery[7]
  probes = gallery[::20] + 0.1
  found = approximate.Usearch(gallery, metric).nearest(probes, 6)
  exact = ExactTiles(gallery, metric).nearest(probes, 6)
  np.testing.assert_array_equal(found.rows, exact.rows)
  np.testing.assert_allclose(
    found.distances, exact.distances, rtol=1e-4, atol=1e-6
  )
  for k in (1, 200):
    many = approximate.Usearch(gallery, metric).nearest(gallery[7:8], k)
    assert len({*many.rows[0]}) == k and many.rows[0, 0] == 7
