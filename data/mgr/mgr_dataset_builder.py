"""TFDS builder of MGR 2024."""

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
  """MGR 2024: label maps of 1,000 people, a gallery of 3,000, and probes."""

  MANUAL_DOWNLOAD_INSTRUCTIONS = """
  The folder holds the training set, the gallery of the test set and `probe`
  side by side, as its organisers say to unpack them (0000/*/*/*.pkl), label
  maps of 64 x 64. Register for the challenge to get the data.
  """

  VERSION = tfds.core.Version('1.0.0')
  RELEASE_NOTES: ClassVar = {'1.0.0': 'As published.'}
  BUILDER_CONFIGS: ClassVar = [
    SequenceConfig(name='64', description='64 x 64', size=64)
  ]

  homepage = 'https://hcma2024.github.io/mgr'
  citation = """@misc{mgr2024,
  title={The {ACM MM}'24 multimodal gait recognition ({MGR}) challenge},
  howpublished={https://hcma2024.github.io/mgr}, year={2024}
}"""
