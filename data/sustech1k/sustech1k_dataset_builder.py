"""TFDS builder of SUSTech1K."""

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
  """SUSTech1K: aligned silhouettes of a camera, of 1,050 people."""

  MANUAL_DOWNLOAD_INSTRUCTIONS = """
  The folder is the release's tree of pickles (0000/00-nm/000/*.pkl); the
  file 06-*-Camera-Sils_aligned.pkl is read. Depth images and point clouds are
  read in place. Ask the authors for the data.
  """

  VERSION = tfds.core.Version('1.0.0')
  RELEASE_NOTES: ClassVar = {'1.0.0': 'As published.'}
  BUILDER_CONFIGS: ClassVar = [
    SequenceConfig(name='64', description='64 x 64', size=64)
  ]

  homepage = 'https://lidargait.github.io'
  citation = """@inproceedings{shen2023lidargait,
  title={{LidarGait}: Benchmarking {3D} gait recognition with point clouds},
  author={Shen, Chuanfu and Fan, Chao and Wu, Wei and Wang, Rui and Huang,
    George Q. and Yu, Shiqi},
  booktitle={IEEE Conference on Computer Vision and Pattern Recognition
    (CVPR)}, year={2023}
}"""
