"""TFDS builder of CASIA-B."""

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
  """CASIA-B: silhouettes of 124 people in 10 walks, each seen from 11 views."""

  MANUAL_DOWNLOAD_INSTRUCTIONS = """
  The folder is the unpacked `GaitDatasetB-silh` (001/nm-01/000/*.png), or an
  OpenGait tree of CASIA-B (001/nm-01/000/*.pkl). Ask the authors for the data.
  """

  VERSION = tfds.core.Version('1.0.0')
  RELEASE_NOTES: ClassVar = {'1.0.0': 'Published pretreatment, split 74/50.'}
  BUILDER_CONFIGS: ClassVar = [
    SequenceConfig(name=str(size), description=f'{size} x {size}', size=size)
    for size in (64, 128)
  ]

  homepage = 'http://www.cbsr.ia.ac.cn/english/Gait%20Databases.asp'
  citation = """@inproceedings{yu2006framework,
  title={A framework for evaluating the effect of view angle, clothing and
    carrying condition on gait recognition},
  author={Yu, Shiqi and Tan, Daoliang and Tan, Tieniu},
  booktitle={International Conference on Pattern Recognition (ICPR)},
  volume={4}, pages={441--444}, year={2006}
}"""
