"""The skeletons are the published ones, written out here as numbers."""

import numpy as np
import pytest

from gaitgs_jax import skeletons

PUBLISHED = {
  'coco17': (
    [0, 0, 0, 1, 2, 0, 0, 5, 6, 7, 8, 5, 6, 11, 12, 13, 14],
    [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15],
    0,
    18,
  ),
  'openpose18': (
    [1, 1, 1, 2, 3, 1, 5, 6, 2, 8, 9, 5, 11, 12, 0, 0, 14, 15],
    [0, 1, 5, 6, 7, 2, 3, 4, 11, 12, 13, 8, 9, 10, 15, 14, 17, 16],
    1,
    17,
  ),
}


@pytest.mark.parametrize('name', skeletons.SKELETONS)
def test_a_skeleton_is_the_published_one(name):
  skeleton = skeletons.get(name)
  parents, swap, centre, edges = PUBLISHED[name]
  assert skeleton.parents == tuple(parents)
  assert skeleton.swap == tuple(swap)
  assert skeleton.centre == centre
  assert len({frozenset(edge) for edge in skeleton.edges}) == edges


@pytest.mark.parametrize('name', skeletons.SKELETONS)
def test_swapping_twice_changes_nothing(name):
  skeleton = skeletons.get(name)
  swap = np.array(skeleton.swap)
  np.testing.assert_array_equal(swap[swap], np.arange(len(swap)))
  edges = {frozenset(edge) for edge in skeleton.edges}
  assert {frozenset(swap[list(edge)].tolist()) for edge in edges} == edges


def test_an_unknown_skeleton_is_told():
  with pytest.raises(ValueError, match='choose one of coco17, openpose18'):
    skeletons.get('coco18')
