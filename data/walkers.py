"""What the builders of the synthetic walkers share."""

import dataclasses
import itertools
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
    train_conditions: of the people who train; the same where None.
    train_views: how many neighbouring views each person who trains is seen in.
    train_walks: how many of their conditions each of them is seen in.
    frames: of each walk; whole walks where None.
    wild: whether they are those of `synthetic.wild_walk`.
    street: whether these share cameras.
  """

  views: tuple[str, ...] = VIEWS
  conditions: tuple[str, ...] = CONDITIONS
  train_conditions: tuple[str, ...] | None = None
  train_views: int | None = None
  train_walks: int | None = None
  frames: int | None = None
  wild: bool = False
  street: bool = False

  def walks(self, number: int, *, train: bool) -> list[tuple[str, str]]:
    """Returns (condition, view) of each walk of one person.

    Args:
      number: of the person; neighbouring ones are seen in different views.
      train: whether the person trains.
    """
    conditions, views = self.conditions, self.views
    if train:
      conditions = self.train_conditions or conditions
      count = self.train_views or len(views)
      turns, first = divmod(number, len(views) - count + 1)
      views = views[first : first + count]
      count = self.train_walks or len(conditions)
      first = turns % (len(conditions) // count) * count
      conditions = conditions[first : first + count]
    return list(itertools.product(conditions, views))


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
      description='900 people train, each seen in 2 walks from one side, and 99'
      ' are tested; clothes, cameras and segmenters of many kinds',
      views=('018', '054', '090', '126', '162'),
      conditions=('nm-01', 'nm-05', 'bg-01', 'cl-01'),
      train_conditions=('nm-01', 'nm-05'),
      train_views=1,
      frames=48,
      wild=True,
    ),
    WalkersConfig(
      name='street',
      description='those of wild in longer walks; 27 of those who train walk'
      ' before each of 66 cameras',
      conditions=('nm-01', 'nm-05', 'bg-01', 'cl-01'),
      train_conditions=CONDITIONS[:6],
      train_views=1,
      train_walks=2,
      frames=96,
      wild=True,
      street=True,
    ),
  ]

  def calls(self, **walk: Any) -> dict[str, Call]:
    """Returns what makes one walk of the arguments of `synthetic.walk`."""
    size = self.builder_config.size
    calls: dict[str, Call]
    if self.builder_config.wild:
      walk['street'] = self.builder_config.street
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
    train = {*self.partition.train}
    people = sorted({*train, *self.partition.test})
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
      for condition, view in config.walks(int(subject), train=subject in train)
    ]
