"""TFDS builder of the synthetic walkers' skeletons."""

import sys
from importlib.util import find_spec
from pathlib import Path

# In a checkout that is not installed, `tfds build` finds only this folder.
if find_spec('gaitgs_jax') is None:
  sys.path.append(str(Path(__file__).resolve().parents[2]))

from gaitgs_jax.data.walkers import WalkersBuilder


class Builder(WalkersBuilder):
  """The skeletons of the synthetic walkers: the same people, walks and views.

  Made by `gaitgs_jax.synthetic` of nothing but a seed, with the errors of a
  detector.
  """
