"""TFDS builder of D-Gait."""

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
  """D-Gait: silhouettes of 292 people."""

  MANUAL_DOWNLOAD_INSTRUCTIONS = """
  The folder is an OpenGait tree of D-Gait (D_000/*/*/*.pkl). Ask the authors
  for the data.
  """

  VERSION = tfds.core.Version('1.0.0')
  RELEASE_NOTES: ClassVar = {'1.0.0': 'As published.'}
  BUILDER_CONFIGS: ClassVar = [
    SequenceConfig(name=str(size), description=f'{size} x {size}', size=size)
    for size in (64, 128)
  ]

  homepage = 'https://github.com/ShiqiYu/OpenGait'
  citation = """"""
