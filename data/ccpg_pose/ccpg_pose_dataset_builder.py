"""TFDS builder of CCPG's skeletons."""

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
  """Skeletons of the 200 people of CCPG."""

  MANUAL_DOWNLOAD_INSTRUCTIONS = """
  The folder is an OpenGait tree of skeletons (000/U0_D0/*/*.pkl), 17 joints in
  COCO's order. Ask the authors for the data.
  """

  VERSION = tfds.core.Version('1.0.0')
  RELEASE_NOTES: ClassVar = {'1.0.0': 'As published.'}
  BUILDER_CONFIGS: ClassVar = [
    SequenceConfig(name='coco17', description='17 joints in the order of COCO')
  ]

  homepage = 'https://github.com/BNU-IVC/CCPG'
  citation = """@inproceedings{li2023indepth,
  title={An in-depth exploration of person re-identification and gait
    recognition in cloth-changing conditions},
  author={Li, Weijia and Hou, Saihui and Zhang, Chunjie and Cao, Chunshui
    and Liu, Xu and Huang, Yongzhen and Zhao, Yao},
  booktitle={IEEE Conference on Computer Vision and Pattern Recognition
    (CVPR)}, year={2023}
}"""
