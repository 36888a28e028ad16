"""TFDS builder of Gait3D-Parsing."""

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
  """Gait3D in label maps of eleven parts of the body."""

  MANUAL_DOWNLOAD_INSTRUCTIONS = """
  The folder is an OpenGait tree of Gait3D-Parsing (0000/*/*/*.pkl), label
  maps of 64 x 64. Ask the authors for the data.
  """

  VERSION = tfds.core.Version('1.0.0')
  RELEASE_NOTES: ClassVar = {'1.0.0': 'As published.'}
  BUILDER_CONFIGS: ClassVar = [
    SequenceConfig(name='64', description='64 x 64', size=64)
  ]

  homepage = 'https://gait3d.github.io/gait3d-parsing-hp'
  citation = """@inproceedings{zheng2023parsinggait,
  title={Parsing is all you need for accurate gait recognition in the wild},
  author={Zheng, Jinkai and Liu, Xinchen and Wang, Shuai and Wang, Lihao and
    Yan, Chenggang and Liu, Wu},
  booktitle={ACM International Conference on Multimedia}, year={2023}
}"""
