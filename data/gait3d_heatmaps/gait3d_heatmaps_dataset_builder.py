"""TFDS builder of the heat maps of Gait3D's skeletons."""

import sys
from importlib.util import find_spec
from pathlib import Path

# In a checkout that is not installed, `tfds build` finds only this folder.
if find_spec('gaitgs_jax') is None:
  sys.path.append(str(Path(__file__).resolve().parents[2]))

from gaitgs_jax.data.gait3d_pose import gait3d_pose_dataset_builder


class Builder(gait3d_pose_dataset_builder.Builder):
  """Skeletons of Gait3D, drawn as heat maps."""
