"""Procedural walkers: body, gait and camera give silhouettes and keypoints."""

from gaitgs_jax.synthetic.camera import VIEWS
from gaitgs_jax.synthetic.clothing import CONDITIONS
from gaitgs_jax.synthetic.walkers import Walk, walk, walk_keypoints
from gaitgs_jax.synthetic.wild import wild_keypoints, wild_walk

__all__ = [
  'CONDITIONS',
  'VIEWS',
  'Walk',
  'walk',
  'walk_keypoints',
  'wild_keypoints',
  'wild_walk',
]
