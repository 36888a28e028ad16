"""TFDS builder of Gait3D's skeletons."""

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
  """Skeletons of the 4,000 people of Gait3D."""

  MANUAL_DOWNLOAD_INSTRUCTIONS = """
  The folder is an OpenGait tree of skeletons (0000/*/*/*.pkl), 17 joints in
  COCO's order. Ask the authors for the data.
  """

  VERSION = tfds.core.Version('1.0.0')
  RELEASE_NOTES: ClassVar = {'1.0.0': 'As published.'}
  BUILDER_CONFIGS: ClassVar = [
    SequenceConfig(name='hrnet', description='17 joints in the order of COCO')
  ]

  homepage = 'https://gait3d.github.io'
  citation = """@inproceedings{zheng2022gait3d,
  title={Gait recognition in the wild with dense {3D} representations and a
    benchmark},
  author={Zheng, Jinkai and Liu, Xinchen and Liu, Wu and He, Lingxiao and
    Yan, Chenggang and Mei, Tao},
  booktitle={IEEE Conference on Computer Vision and Pattern Recognition
    (CVPR)}, year={2022}
}"""
