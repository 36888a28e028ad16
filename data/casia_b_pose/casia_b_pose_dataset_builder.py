"""TFDS builder of CASIA-B's skeletons."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import tensorflow_datasets as tfds

# In a checkout that is not installed, `tfds build` finds only this folder.
if find_spec('gaitgs_jax') is None:
  sys.path.append(str(Path(__file__).resolve().parents[2]))

from gaitgs_jax.data.builders import SequenceConfig, TreeBuilder


class Builder(TreeBuilder):
  """Skeletons of the 124 people of CASIA-B: GaitGraph's or GaitTR's."""

  MANUAL_DOWNLOAD_INSTRUCTIONS = """
  hrnet: the folder holds `casia-b_pose_coco.csv` of
  https://github.com/tteepe/GaitGraph/releases/tag/v0.1, or it is an OpenGait
  tree of such skeletons (001/nm-01/000/*.pkl). simcc: such a tree of the
  skeletons that GaitTR (https://arxiv.org/abs/2204.03873) was trained on.
  """

  VERSION = tfds.core.Version('1.0.0')
  RELEASE_NOTES: ClassVar = {'1.0.0': 'As published, split 74/50.'}
  BUILDER_CONFIGS: ClassVar = [
    SequenceConfig(name='hrnet', description='17 joints in the order of COCO'),
    SequenceConfig(name='simcc', description='the same joints, by SimCC'),
  ]

  homepage = 'https://github.com/tteepe/GaitGraph'
  citation = """@inproceedings{teepe2021gaitgraph,
  title={{GaitGraph}: Graph convolutional network for skeleton-based gait
    recognition},
  author={Teepe, Torben and Khan, Ali and Gilg, Johannes and Herzog, Fabian and
    H{\\"o}rmann, Stefan and Rigoll, Gerhard},
  booktitle={IEEE International Conference on Image Processing (ICIP)},
  pages={2314--2318}, year={2021}
}"""
