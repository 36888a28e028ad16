"""TFDS builder of OUMVLP-Pose with 17 joints."""

import sys
from importlib.util import find_spec
from pathlib import Path

# In a checkout that is not installed, `tfds build` finds only this folder.
if find_spec('gaitgs_jax') is None:
  sys.path.append(str(Path(__file__).resolve().parents[2]))

from gaitgs_jax.data.oumvlp_pose import oumvlp_pose_dataset_builder


class Builder(oumvlp_pose_dataset_builder.Builder):
  """OUMVLP-Pose with COCO's 17 joints, all but the neck, as OpenGait has it."""
