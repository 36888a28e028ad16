"""TFDS builder of OUMVLP-Pose."""

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
  """OUMVLP-Pose: skeletons of 10,307 people in 2 walks, seen from 14 views."""

  MANUAL_DOWNLOAD_INSTRUCTIONS = """
  The folder is that of the variant, or holds the folders `alphapose` and
  `openpose` (00001/000_00/*.json), or is an OpenGait tree (00001/00/000/*.pkl).
  Ask the authors for the data.
  """

  VERSION = tfds.core.Version('1.0.0')
  RELEASE_NOTES: ClassVar = {'1.0.0': 'As published, split 5153/5154.'}
  BUILDER_CONFIGS: ClassVar = [
    SequenceConfig(name='alphapose', description='18 joints by AlphaPose'),
    SequenceConfig(name='openpose', description='18 joints by OpenPose'),
  ]

  homepage = 'http://www.am.sanken.osaka-u.ac.jp/BiometricDB/GaitLPPose.html'
  citation = """@article{an2020performance,
  title={Performance evaluation of model-based gait on multi-view very large
    population database with pose sequences},
  author={An, Weizhi and Yu, Shiqi and Makihara, Yasushi and Wu, Xinhui and
    Xu, Chi and Yu, Yang and Liao, Rijun and Yagi, Yasushi},
  journal={IEEE Transactions on Biometrics, Behavior, and Identity Science},
  volume={2}, number={4}, pages={421--430}, year={2020}
}"""
