"""TFDS builder of CASIA-E."""

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
  """CASIA-E: silhouettes of 1,014 people in three scenes."""

  MANUAL_DOWNLOAD_INSTRUCTIONS = """
  The folder holds the unpacked archives
  (001/H/scene1/bg/000/1/*.jpg), or it is an OpenGait tree of CASIA-E
  (001/H-scene1-bg-1/000/*.pkl). Ask the authors for the data.
  """

  VERSION = tfds.core.Version('1.0.0')
  RELEASE_NOTES: ClassVar = {'1.0.0': 'Published pretreatment.'}
  BUILDER_CONFIGS: ClassVar = [
    SequenceConfig(name=str(size), description=f'{size} x {size}', size=size)
    for size in (64, 128)
  ]

  homepage = (
    'https://www.scidb.cn/en/detail?dataSetId=57be0e918db743279baf44a38d013a06'
  )
  citation = """@article{song2023casiae,
  title={{CASIA-E}: A large comprehensive dataset for gait recognition},
  author={Song, Chunfeng and Huang, Yongzhen and Wang, Weining and Wang,
    Liang},
  journal={IEEE Transactions on Pattern Analysis and Machine Intelligence},
    year={2023}
}"""
