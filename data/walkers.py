"""What the builders of the synthetic walkers share."""

import dataclasses
from typing import Any, ClassVar

import tensorflow_datasets as tfds

from gaitgs_jax.data.builders import Job, SequenceBuilder, SequenceConfig
from gaitgs_jax.data.work import (
  Call,
  WalkCall,
  WalkPoseCall,
  WildCall,
  WildPoseCall,
)
from gaitgs_jax.synthetic import CONDITIONS, VIEWS

# One population; a variant shows its first people.
SEED = 0


@dataclasses.dataclass
class WalkersConfig(SequenceConfig):
  """A variant of the synthetic walkers.

  Attributes:
    views: the cameras.
    conditions: of each walk.
    frames: of each walk; whole walks where None.
    wild: whether they are those of `synthetic.wild_walk`.
  """

  views: tuple[str, ...] = VIEWS
  conditions: tuple[str, ...] = CONDITIONS
  frames: int | None = None
  wild: bool = False


class WalkersBuilder(SequenceBuilder):
  """Makes the walks of one population; reads no file.

  The partition files say how many people each variant has.
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
    WalkersConfig(
      name='wild',
      description='400 people train and 40 are tested, clothes, cameras and'
      ' segmenters of many kinds',
      views=('018', '054', '090', '126', '162'),
      conditions=('nm-01', 'nm-05', 'bg-01', 'cl-01'),
      frames=24,
      wild=True,
    ),
  ]

  def calls(self, **walk: Any) -> dict[str, Call]:
    """Returns what makes one walk of the arguments of `synthetic.walk`."""
    size = self.builder_config.size
    calls: dict[str, Call]
    if self.builder_config.wild:
      calls = {
        'silhouettes': WildCall(**walk, size=size),
        'keypoints': WildPoseCall(**walk),
      }
    else:
      calls = {
        'silhouettes': WalkCall(**walk, size=size),
        'keypoints': WalkPoseCall(**walk),
      }
    return {name: calls[name] for name in self.frames}

  def jobs(self, dl_manager: tfds.download.DownloadManager) -> list[Job]:
    """Returns every walk."""
    config = self.builder_config
    people = sorted({*self.partition.train, *self.partition.test})
    return [
      Job(
        subject,
        condition,
        view,
        self.calls(
          seed=SEED,
          subject=int(subject) - 1,
          condition=condition,
          view=view,
          frames=config.frames,
        ),
      )
      for subject in people
      for condition in config.conditions
      for view in config.views
    ]
