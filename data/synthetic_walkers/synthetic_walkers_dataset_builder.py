"""TFDS builder of the synthetic walkers."""

import dataclasses
import sys
from pathlib import Path
from typing import ClassVar

import tensorflow_datasets as tfds

# `tfds build` puts this folder's parent on the path, but not the project.
sys.path.append(str(Path(__file__).resolve().parents[2]))

from data.silhouettes import Job, SilhouetteBuilder, SilhouetteConfig
from data.work import WalkCall
from gaitgs_jax.synthetic import CONDITIONS, VIEWS

# One population; a variant shows its first people.
SEED = 0


@dataclasses.dataclass
class WalkersConfig(SilhouetteConfig):
  """A variant of the synthetic walkers.

  Attributes:
    views: the cameras.
    frames: of each walk; whole walks where None.
  """

  views: tuple[str, ...] = VIEWS
  frames: int | None = None


class Builder(SilhouetteBuilder):
  """Synthetic people who walk past cameras in CASIA-B's design.

  Made by `gaitgs_jax.synthetic` of nothing but a seed. The partition files say
  how many people each variant has.
  """

  VERSION = tfds.core.Version('1.0.0')
  RELEASE_NOTES: ClassVar = {'1.0.0': 'First population.'}
  BUILDER_CONFIGS: ClassVar = [
    WalkersConfig(
      name='demo',
      description='24 people train and 10 are tested, 5 views, short walks',
      views=('054', '072', '090', '108', '126'),
      frames=24,
    ),
    WalkersConfig(
      name='full',
      description='74 people train and 50 are tested, 11 views',
    ),
    WalkersConfig(
      name='tiny',
      description='4 people train and 4 are tested, 2 views, for tests',
      views=('090', '108'),
      frames=12,
    ),
  ]

  def jobs(self, dl_manager: tfds.download.DownloadManager) -> list[Job]:
    """Returns every walk; reads no file."""
    config = self.builder_config
    people = sorted({*self.partition.train, *self.partition.test})
    return [
      Job(
        subject,
        condition,
        view,
        WalkCall(
          seed=SEED,
          subject=int(subject) - 1,
          condition=condition,
          view=view,
          frames=config.frames,
          size=config.size,
        ),
      )
      for subject in people
      for condition in CONDITIONS
      for view in config.views
    ]
