"""TFDS builder of CASIA-C."""

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
  """CASIA-C: infrared silhouettes of 153 people in ten walks from the side."""

  MANUAL_DOWNLOAD_INSTRUCTIONS = """
  The folder holds a folder per person, in it one per walk
  (001/fn00/*.png). Ask the authors for the data.
  """

  VERSION = tfds.core.Version('1.0.0')
  RELEASE_NOTES: ClassVar = {'1.0.0': 'Published pretreatment.'}
  BUILDER_CONFIGS: ClassVar = [
    SequenceConfig(name=str(size), description=f'{size} x {size}', size=size)
    for size in (64, 128)
  ]

  homepage = 'http://www.cbsr.ia.ac.cn/english/Gait%20Databases.asp'
  citation = """@inproceedings{tan2006efficient,
  title={Efficient night gait recognition based on template matching},
  author={Tan, Daoliang and Huang, Kaiqi and Yu, Shiqi and Tan, Tieniu},
  booktitle={International Conference on Pattern Recognition (ICPR)},
    year={2006}
}"""
