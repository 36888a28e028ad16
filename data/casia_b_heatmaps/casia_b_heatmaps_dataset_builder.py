"""TFDS builder of the heat maps of CASIA-B's skeletons."""

import sys
from importlib.util import find_spec
from pathlib import Path

# In a checkout that is not installed, `tfds build` finds only this folder.
if find_spec('gaitgs_jax') is None:
  sys.path.append(str(Path(__file__).resolve().parents[2]))

from gaitgs_jax.data.casia_b_pose import casia_b_pose_dataset_builder


class Builder(casia_b_pose_dataset_builder.Builder):
  """Skeletons of the 124 people of CASIA-B, drawn as heat maps."""
