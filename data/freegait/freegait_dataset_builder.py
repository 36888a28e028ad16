"""TFDS builder of FreeGait."""

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
  """FreeGait: silhouettes of 1,195 people outdoors."""

  MANUAL_DOWNLOAD_INSTRUCTIONS = """
  The folder is an OpenGait tree of FreeGait (0001/devid_3/seq_00_new/*.pkl);
  image.pkl is read, the rest in place. Ask the authors for the data.
  """

  VERSION = tfds.core.Version('1.0.0')
  RELEASE_NOTES: ClassVar = {'1.0.0': 'As published.'}
  BUILDER_CONFIGS: ClassVar = [
    SequenceConfig(name='64', description='64 x 64', size=64)
  ]

  homepage = 'https://github.com/4DVLab/FreeGait'
  citation = """@inproceedings{han2024gait,
  title={Gait recognition in large-scale free environment via single
    {LiDAR}},
  author={Han, Xiao and Ren, Yiming and Cong, Peishan and Sun, Yujing and
    Wang, Jingya and Xu, Lan and Ma, Yuexin},
  booktitle={ACM International Conference on Multimedia}, year={2024}
}"""
