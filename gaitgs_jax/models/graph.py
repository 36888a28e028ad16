"""Skeletons as graphs, for convolutions over joints."""

import functools

import numpy as np

from gaitgs_jax.skeletons import Skeleton


def hop_distance(skeleton: Skeleton) -> np.ndarray:
  """Counts the edges between every two joints: int [v,v].

  Raises:
    ValueError: if some joints are not linked at all.
  """
  size = len(skeleton.joints)
  near = np.eye(size, dtype=bool)
  for one, other in skeleton.edges:
    near[one, other] = near[other, one] = True
  reached = np.eye(size, dtype=bool)
  distance = np.zeros((size, size), int)
  while not reached.all():
    distance += ~reached
    grown = reached @ near
    if np.array_equal(grown, reached):
      raise ValueError(f'the skeleton {skeleton.name!r} is not in one piece')
    reached = grown
  return distance


@functools.cache
def hop_matrices(skeleton: Skeleton, hops: int = 3) -> np.ndarray:
  """Returns one matrix for each distance of 0 to `hops` edges.

  Entry [k,v,w] is the weight with which joint v, k edges from w, enters joint
  w: one over the number of joints within `hops` edges of w, so that the
  columns of all matrices together sum to 1. The spatial partition of ST-GCN,
  https://arxiv.org/abs/1801.07455, as ResGCN and GaitGraph use it.

  Args:
    skeleton: the joints and edges.
    hops: the farthest distance.

  Returns:
    float32 [hops+1,v,v].
  """
  distance = hop_distance(skeleton)
  each = distance[None] == np.arange(hops + 1)[:, None, None]
  weight = each / each.sum(axis=(0, 1), keepdims=True)
  return weight.astype(np.float32)
