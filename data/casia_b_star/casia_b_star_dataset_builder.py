"""TFDS builder of CASIA-B*."""

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
  """CASIA-B segmented again: aligned silhouettes of its 124 people."""

  MANUAL_DOWNLOAD_INSTRUCTIONS = """
  The folder is the OpenGait tree of CASIA-B* (001/nm-01/000/*.pkl) with
  silhouettes called `*aligned-sils.pkl`. Ask the authors for the data.
  """

  VERSION = tfds.core.Version('1.0.0')
  RELEASE_NOTES: ClassVar = {'1.0.0': 'As published.'}
  BUILDER_CONFIGS: ClassVar = [
    SequenceConfig(name='64', description='64 x 64', size=64)
  ]

  homepage = 'https://github.com/ShiqiYu/OpenGait'
  citation = """@inproceedings{liang2022gaitedge,
  title={{GaitEdge}: Beyond plain end-to-end gait recognition for better
    practicality},
  author={Liang, Junhao and Fan, Chao and Hou, Saihui and Shen, Chuanfu and
    Huang, Yongzhen and Yu, Shiqi},
  booktitle={European Conference on Computer Vision (ECCV)}, year={2022}
}"""
