"""TFDS builder of GREW's skeletons."""

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
  """Skeletons of the 26,000 people of GREW."""

  MANUAL_DOWNLOAD_INSTRUCTIONS = """
  The folder is an OpenGait tree of skeletons (00001train/00/*/*.pkl), 17 joints
  in COCO's order. Ask the authors for the data.
  """

  VERSION = tfds.core.Version('1.0.0')
  RELEASE_NOTES: ClassVar = {'1.0.0': 'As published.'}
  BUILDER_CONFIGS: ClassVar = [
    SequenceConfig(name='hrnet', description='17 joints in the order of COCO')
  ]

  homepage = 'https://www.grew-benchmark.org'
  citation = """@inproceedings{zhu2021gait,
  title={Gait recognition in the wild: A benchmark},
  author={Zhu, Zheng and Guo, Xianda and Yang, Tian and Huang, Junjie and
    Deng, Jiankang and Huang, Guan and Du, Dalong and Lu, Jiwen and Zhou,
    Jie},
  booktitle={IEEE International Conference on Computer Vision (ICCV)},
    year={2021}
}"""
