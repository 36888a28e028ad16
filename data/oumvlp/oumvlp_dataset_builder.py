"""TFDS builder of OU-MVLP."""

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
  """OU-MVLP: silhouettes of 10,307 people in 2 walks, seen from 14 views."""

  MANUAL_DOWNLOAD_INSTRUCTIONS = """
  The folder holds `Silhouette_000-00` to `Silhouette_270-01`, unpacked
  (Silhouette_000-00/00001/*.png), or it is an OpenGait tree of OU-MVLP
  (00001/00/000/*.pkl). Ask the authors for the data.
  """

  VERSION = tfds.core.Version('1.0.0')
  RELEASE_NOTES: ClassVar = {
    '1.0.0': 'Published pretreatment, split 5153/5154.'
  }
  BUILDER_CONFIGS: ClassVar = [
    SequenceConfig(name=str(size), description=f'{size} x {size}', size=size)
    for size in (64, 128)
  ]

  homepage = 'http://www.am.sanken.osaka-u.ac.jp/BiometricDB/GaitMVLP.html'
  citation = """@article{takemura2018multi,
  title={Multi-view large population gait dataset and its performance
    evaluation for cross-view gait recognition},
  author={Takemura, Noriko and Makihara, Yasushi and Muramatsu, Daigo and
    Echigo, Tomio and Yagi, Yasushi},
  journal={IPSJ Transactions on Computer Vision and Applications},
  volume={10}, number={4}, year={2018}
}"""
