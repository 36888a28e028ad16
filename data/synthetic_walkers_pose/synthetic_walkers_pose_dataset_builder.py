"""TFDS builder of the synthetic walkers' skeletons."""

import sys
from pathlib import Path
from typing import Any

# `tfds build` puts this folder's parent on the path, but not the project.
sys.path.append(str(Path(__file__).resolve().parents[2]))

from data.walkers import WalkersBuilder
from data.work import WalkPoseCall


class Builder(WalkersBuilder):
  """The skeletons of the synthetic walkers: the same people, walks and views.

  Made by `gaitgs_jax.synthetic` of nothing but a seed, with the errors of a
  detector.
  """

  def call(self, **walk: Any) -> WalkPoseCall:
    """Returns what makes the skeletons of one walk."""
    return WalkPoseCall(**walk)
