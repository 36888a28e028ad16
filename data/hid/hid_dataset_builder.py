"""TFDS builder of HID 2022."""

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
  """HID 2022: silhouettes of 1,005 people, and probes of some of them."""

  MANUAL_DOWNLOAD_INSTRUCTIONS = """
  The folder holds `train`, `HID2022_test_gallery` and `HID2022_test_probe`,
  unpacked (train/0000/*/*.png), or it is an OpenGait tree of HID. Register for
  the competition to get the data.
  """

  VERSION = tfds.core.Version('1.0.0')
  RELEASE_NOTES: ClassVar = {'1.0.0': 'Frames as they are released.'}
  BUILDER_CONFIGS: ClassVar = [
    SequenceConfig(name='128', description='128 x 128', size=128)
  ]

  homepage = 'https://hid.iapr-tc4.org'
  citation = """@inproceedings{yu2022hid,
  title={{HID} 2022: The 3rd international competition on human
    identification at a distance},
  author={Yu, Shiqi and others},
  booktitle={IEEE International Joint Conference on Biometrics (IJCB)},
    year={2022}
}"""
