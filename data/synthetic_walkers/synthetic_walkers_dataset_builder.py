"""TFDS builder of the synthetic walkers."""

import sys
from importlib.util import find_spec
from pathlib import Path

# In a checkout that is not installed, `tfds build` finds only this folder.
if find_spec('gaitgs_jax') is None:
  sys.path.append(str(Path(__file__).resolve().parents[2]))

from gaitgs_jax.data.walkers import WalkersBuilder


class Builder(WalkersBuilder):
  """Synthetic people who walk past cameras in CASIA-B's design.

  Made by `gaitgs_jax.synthetic` of nothing but a seed.
  """
