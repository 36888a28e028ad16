"""TFDS builder of HID 2023 to 2025."""

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
  """HID 2023 to 2025: silhouettes of a gallery of 859 people, and probes."""

  MANUAL_DOWNLOAD_INSTRUCTIONS = """
  The folder is the test set as OpenGait reads it: the gallery's folders
  (00000/*/*/*.pkl) and `probe` side by side. Register for the competition to
  get the data.
  """

  VERSION = tfds.core.Version('1.0.0')
  RELEASE_NOTES: ClassVar = {'1.0.0': 'As published.'}
  BUILDER_CONFIGS: ClassVar = [
    SequenceConfig(name=str(size), description=f'{size} x {size}', size=size)
    for size in (64, 128)
  ]

  homepage = 'https://hid.iapr-tc4.org'
  citation = """@inproceedings{yu2023hid,
  title={Human identification at a distance: Challenges, methods and results
    on {HID} 2023},
  author={Yu, Shiqi and others},
  booktitle={IEEE International Joint Conference on Biometrics (IJCB)},
    year={2023}
}"""
