"""TFDS builder of Gait3D."""

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
  """Gait3D: silhouettes of 4,000 people in a supermarket."""

  MANUAL_DOWNLOAD_INSTRUCTIONS = """
  The folder is the release's `2D_Silhouettes`
  (0000/camid0_videoid2/seq0/*.png), or an OpenGait tree of Gait3D. Ask the
  authors for the data.
  """

  VERSION = tfds.core.Version('1.0.0')
  RELEASE_NOTES: ClassVar = {'1.0.0': 'Published pretreatment.'}
  BUILDER_CONFIGS: ClassVar = [
    SequenceConfig(name=str(size), description=f'{size} x {size}', size=size)
    for size in (64, 128)
  ]

  homepage = 'https://gait3d.github.io'
  citation = """@inproceedings{zheng2022gait3d,
  title={Gait recognition in the wild with dense {3D} representations and a
    benchmark},
  author={Zheng, Jinkai and Liu, Xinchen and Liu, Wu and He, Lingxiao and
    Yan, Chenggang and Mei, Tao},
  booktitle={IEEE Conference on Computer Vision and Pattern Recognition
    (CVPR)}, year={2022}
}"""
