"""TFDS builder of the synthetic walkers."""

import sys
from pathlib import Path
from typing import Any

# `tfds build` puts this folder's parent on the path, but not the project.
sys.path.append(str(Path(__file__).resolve().parents[2]))

from data.walkers import WalkersBuilder
from data.work import WalkCall


class Builder(WalkersBuilder):
  """Synthetic people who walk past cameras in CASIA-B's design.

  Made by `gaitgs_jax.synthetic` of nothing but a seed.
  """

  def call(self, **walk: Any) -> WalkCall:
    """Returns what makes the silhouettes of one walk."""
    return WalkCall(**walk, size=self.builder_config.size)
