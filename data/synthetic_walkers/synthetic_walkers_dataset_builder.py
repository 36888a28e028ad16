"""TFDS builder of the synthetic walkers."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# In a checkout that is not installed, `tfds build` finds only this folder.
if find_spec('gaitgs_jax') is None:
  sys.path.append(str(Path(__file__).resolve().parents[2]))

from gaitgs_jax.data.walkers import WalkersBuilder
from gaitgs_jax.data.work import WalkCall


class Builder(WalkersBuilder):
  """Synthetic people who walk past cameras in CASIA-B's design.

  Made by `gaitgs_jax.synthetic` of nothing but a seed.
  """

  def call(self, **walk: Any) -> WalkCall:
    """Returns what makes the silhouettes of one walk."""
    return WalkCall(**walk, size=self.builder_config.size)
