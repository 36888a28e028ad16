"""TFDS builder of GaitLU-1M."""

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
  """GaitLU-1M: a million silhouette sequences without names."""

  MANUAL_DOWNLOAD_INSTRUCTIONS = """
  The folder is the release's `silhouette_cut_pkl`
  (000/000/000/000_000_000.pkl). Ask the authors for the data.
  """

  VERSION = tfds.core.Version('1.0.0')
  RELEASE_NOTES: ClassVar = {'1.0.0': 'As published.'}
  BUILDER_CONFIGS: ClassVar = [
    SequenceConfig(name='64', description='64 x 64', size=64)
  ]

  homepage = 'https://github.com/ShiqiYu/OpenGait'
  citation = """@article{fan2023learning,
  title={Learning gait representation from massive unlabelled walking
    videos: A benchmark},
  author={Fan, Chao and Hou, Saihui and Wang, Jilong and Huang, Yongzhen and
    Yu, Shiqi},
  journal={IEEE Transactions on Pattern Analysis and Machine Intelligence},
    year={2023}
}"""
