"""What the builders of the synthetic walkers share."""

import dataclasses
from typing import Any, ClassVar

import tensorflow_datasets as tfds

from gaitgs_jax.data.builders import Job, SequenceBuilder, SequenceConfig
from gaitgs_jax.data.work import Call, WalkCall, WalkPoseCall
from gaitgs_jax.synthetic import CONDITIONS, VIEWS

# One population; a variant shows its first people.
SEED = 0


@dataclasses.dataclass
class WalkersConfig(SequenceConfig):
  """A variant of the synthetic walkers.

  Attributes:
    views: the cameras.
    frames: of each walk; whole walks where None.
  """

  views: tuple[str, ...] = VIEWS
  frames: int | None = None


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
  ]

  def calls(self, **walk: Any) -> dict[str, Call]:
    """Returns what makes one walk of the arguments of `synthetic.walk`."""
    calls: dict[str, Call] = {
      'silhouettes': WalkCall(**walk, size=self.builder_config.size),
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
      for condition in CONDITIONS
      for view in config.views
    ]
