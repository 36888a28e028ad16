"""TFDS builder of the heat maps of GREW's skeletons."""

import sys
from importlib.util import find_spec
from pathlib import Path

# In a checkout that is not installed, `tfds build` finds only this folder.
if find_spec('gaitgs_jax') is None:
  sys.path.append(str(Path(__file__).resolve().parents[2]))

from gaitgs_jax.data.grew_pose import grew_pose_dataset_builder


class Builder(grew_pose_dataset_builder.Builder):
  """Skeletons of GREW, drawn as heat maps."""
