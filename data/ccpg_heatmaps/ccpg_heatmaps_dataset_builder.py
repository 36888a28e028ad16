"""TFDS builder of the heat maps of CCPG's skeletons."""

import sys
from importlib.util import find_spec
from pathlib import Path

# In a checkout that is not installed, `tfds build` finds only this folder.
if find_spec('gaitgs_jax') is None:
  sys.path.append(str(Path(__file__).resolve().parents[2]))

from gaitgs_jax.data.ccpg_pose import ccpg_pose_dataset_builder


class Builder(ccpg_pose_dataset_builder.Builder):
  """Skeletons of CCPG, drawn as heat maps."""
