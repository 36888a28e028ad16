"""TFDS builder of Scoliosis1K's skeletons."""

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
  """Skeletons of the 1,493 people of Scoliosis1K."""

  MANUAL_DOWNLOAD_INSTRUCTIONS = """
  The folder is the release's `Scoliosis1K-pose-pkl`
  (00000/Positive/000_180/*.pkl). Ask the authors for the data.
  """

  VERSION = tfds.core.Version('1.0.0')
  RELEASE_NOTES: ClassVar = {'1.0.0': 'As published.'}
  BUILDER_CONFIGS: ClassVar = [
    SequenceConfig(name='vitpose', description='17 joints in the order of COCO')
  ]

  homepage = 'https://zhouzi180.github.io/Scoliosis1K'
  citation = """@inproceedings{zhou2024gait,
  title={Gait patterns as biomarkers: A video-based approach for classifying
    scoliosis},
  author={Zhou, Zirui and Liang, Junhao and Peng, Zizhao and Fan, Chao and
    An, Fengwei and Yu, Shiqi},
  booktitle={Medical Image Computing and Computer Assisted Intervention
    (MICCAI)}, year={2024}
}"""
