"""TFDS builder of GREW."""

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
  """GREW: silhouettes of 26,000 people outdoors."""

  MANUAL_DOWNLOAD_INSTRUCTIONS = """
  The folder holds `train` and `test` with `gallery` and `probe`, unpacked
  (train/00001/4XPn5Z28/*.png), or it is an OpenGait tree of GREW. Ask the
  authors for the data.
  """

  VERSION = tfds.core.Version('1.0.0')
  RELEASE_NOTES: ClassVar = {'1.0.0': 'Frames as they are released.'}
  BUILDER_CONFIGS: ClassVar = [
    SequenceConfig(name='64', description='64 x 64', size=64)
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
