"""Hop matrices, by hand and against the published ones."""

import golden_numbers
import numpy as np
import pytest

from gaitgs_jax import skeletons
from gaitgs_jax.models import graph


def chain(*edges):
  return skeletons.Skeleton(
    'chain', ('a', 'b', 'c', 'd'), edges, (0, 0, 1, 2), (0, 1, 2, 3), 0
  )


def test_a_chain_by_hand():
  distance = graph.hop_distance(chain((0, 1), (2, 1), (2, 3)))
  np.testing.assert_array_equal(
    distance, [[0, 1, 2, 3], [1, 0, 1, 2], [2, 1, 0, 1], [3, 2, 1, 0]]
  )
  one = graph.hop_matrices(chain((0, 1), (2, 1), (2, 3)), hops=1)
  # The ends have one neighbour, the others two.
  np.testing.assert_allclose(one[0], np.diag([1 / 2, 1 / 3, 1 / 3, 1 / 2]))
  np.testing.assert_allclose(one[1, :, 0], [0, 1 / 2, 0, 0])
  np.testing.assert_allclose(one[1, :, 1], [1 / 3, 0, 1 / 3, 0])


def test_columns_sum_to_one():
  for skeleton in skeletons.SKELETONS.values():
    total = graph.hop_matrices(skeleton).sum(axis=(0, 1))
    np.testing.assert_allclose(total, 1, rtol=1e-6)


def test_pieces_are_told():
  with pytest.raises(ValueError, match="'chain' is not in one piece"):
    graph.hop_distance(chain((0, 1), (2, 3)))


@pytest.mark.parametrize(
  ('name', 'file'),
  (('coco17', 'gaitgraph1'), ('openpose18', 'gaitgraph2_oumvlp')),
)
def test_hop_matrices_are_the_published_ones(name, file):
  golden = golden_numbers.load(file)
  np.testing.assert_allclose(
    graph.hop_matrices(skeletons.get(name)), golden['graph_A'], rtol=1e-6
  )
