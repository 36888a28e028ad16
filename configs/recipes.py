"""Parts of recipes that runs of several models share, and their claims."""

from collections.abc import Sequence
from typing import Any

from ml_collections import ConfigDict

from gaitgs_jax.configs import common

# Kinds of probes, in the order of the protocol's tables.
_SUSTECH1K = (
  'Normal',
  'Bag',
  'Clothing',
  'Carrying',
  'Umbrella',
  'Uniform',
  'Occlusion',
  'Night',
  'Overall',
)


def opengait_augment() -> tuple[dict[str, Any], ...]:
  """Returns what OpenGait's deeper models do to whole frames in training."""
  return (
    dict(name='perspective', probability=0.2),
    dict(name='crop'),
    dict(name='horizontal_flip', probability=0.2),
    dict(name='rotation', probability=0.2),
  )


def opengait_training(config: ConfigDict, boundaries: Sequence[int]) -> None:
  """Sets the losses, the optimizer and the rate of OpenGait's deeper models.

  Args:
    config: of the run.
    boundaries: steps at which the rate falls to a tenth.
  """
  _opengait_losses(config)
  config.optimizer = dict(name='sgd', learning_rate=0.1, momentum=0.9)
  config.optimizer.weight_decay = 5e-4
  config.schedule = dict(name='step', factor=0.1, boundaries=tuple(boundaries))


def swingait_training(config: ConfigDict, fall_steps: int) -> None:
  """Sets the losses, the optimizer and the rates of SwinGait, as released.

  Args:
    config: of the run.
    fall_steps: steps in which the rate falls.
  """
  _opengait_losses(config)
  config.optimizer = dict(name='adamw', learning_rate=3e-4, weight_decay=0.02)
  config.optimizer.groups = dict(
    pretrained=dict(paths=('backbone/*', 'head/*', 'neck/*'), rate=0.1),
    plain=dict(
      paths=(
        'transformer/patches*',
        'transformer/norm/*',
        '*/norm1/*',
        '*/norm2/*',
        '*/places',
      ),
      decay=False,
    ),
  )
  config.schedule = dict(name='cosine', fall_steps=fall_steps, final=1e-6)


def _opengait_losses(config: ConfigDict) -> None:
  config.losses.triplet = dict(weight=1.0, margin=0.2)
  config.losses.identity = dict(weight=1.0, scale=16.0, smoothing=0.1)


def both_maps(files: str = '') -> dict[str, dict[str, Any]]:
  """Returns what SkeletonGait++ sees.

  Args:
    files: pattern of the names of the silhouettes' files; '' for the dataset's.
  """
  named = dict(files=files) if files else {}
  return dict(
    heatmaps=dict(size=(64, 44, 2)), silhouettes=dict(size=(64, 44), **named)
  )


def gait3d_silhouettes(config: ConfigDict) -> None:
  """Turns a run on Gait3D's label maps into one on its silhouettes."""
  config.dataset.name = 'gait3d'
  config.inputs = dict(silhouettes=dict(size=(64, 44)))


def gaitgraph(config: ConfigDict, features: int) -> None:
  """Sets GaitGraph, its loss and its optimizer as OpenGait does.

  Args:
    config: of the run.
    features: channels of the embedding.
  """
  config.model = dict(blocks=(2, 2, 2), reduction=8, features=features)
  config.model.update(convention='opengait', test_time=True, dtype='float32')
  config.losses.supervised_contrastive = dict(
    weight=1.0,
    temperature=0.01,
    base_temperature=0.07,
    distance='dot',
    active_only=False,
  )
  config.optimizer = dict(name='adam', learning_rate=0.01, weight_decay=1e-5)
  config.optimizer.beta1 = 'one_cycle'
  config.schedule = dict(name='one_cycle')


def gaitgraph_augment() -> tuple[dict[str, Any], ...]:
  """Returns what OpenGait does to poses for GaitGraph but on CASIA-B."""
  return (
    dict(name='copies', count=2),
    dict(name='horizontal_flip', probability=0.5),
    dict(name='reverse', probability=0.5),
    dict(name='random_frames', frames=16),
    dict(name='point_noise', scale=0.05, normal=True, clip=False),
    dict(name='joint_noise', scale=0.1, normal=True),
  )


def gaitgraph2(
  config: ConfigDict,
  optimizer: str = 'adamw',
  convention: str = 'opengait',
  *,
  joined: bool = False,
  decay: float = 1e-5,
  **schedule: Any,
) -> None:
  """Sets the sampler, the loss, the optimizer and more of GaitGraph2.

  Args:
    config: of the run, with the sizes of its model.
    optimizer: its name.
    convention: as of the model.
    joined: as of the model.
    decay: of the weights.
    **schedule: further fields of the schedule one_cycle.
  """
  # All sequences alike, whoever walks.
  config.batch.update(sampler='instances', sequences=768)
  config.model.update(joined=joined, convention=convention, test_time=True)
  config.model.dtype = 'float32'
  config.losses.supervised_contrastive = dict(weight=1.0, temperature=0.01)
  config.optimizer = dict(name=optimizer, learning_rate=5e-3)
  config.optimizer.update(weight_decay=decay, beta1='one_cycle')
  config.schedule = dict(name='one_cycle', **schedule)


def gaitgraph2_augment(
  noise: float = 0.25, across: float = 4.0
) -> tuple[dict[str, Any], ...]:
  """Returns what OpenGait does to poses for GaitGraph2.

  Args:
    noise: scale of the joints'.
    across: how far a skeleton is moved to either side.
  """
  return (
    dict(name='reverse', probability=0.5),
    dict(name='swap_sides', probability=0.1, per='frame'),
    dict(name='joint_noise', scale=noise, normal=True),
    dict(name='point_noise', scale=0.05, normal=True, clip=False),
    dict(name='move', x=across, y=1.0),
  )


def gaittr_augment() -> tuple[dict[str, Any], ...]:
  """Returns what GaitTR's recipes do to poses before they make features."""
  return (
    dict(name='point_noise', scale=0.3, normal=True, clip=False),
    dict(name='swap_sides', probability=0.1, per='frame'),
    dict(name='joint_noise', scale=0.3, normal=True),
  )


def fastpose_rate(
  config: ConfigDict, *, rise: float, divide_last: float, peak: float = 1e-3
) -> None:
  """Sets the optimizer and the rate of GaitTR's and GPGait's recipes.

  Args:
    config: of the run.
    rise: share of the run in which the rate rises.
    divide_last: how many times lower than the first the last rate is.
    peak: the highest rate.
  """
  config.optimizer = dict(name='adam', learning_rate=peak, weight_decay=2e-5)
  config.optimizer.beta1 = 'one_cycle'
  config.schedule = dict(name='one_cycle', rise=rise, three_phases=True)
  config.schedule.update(divide_first=100.0, divide_last=divide_last)


def gpgait_augment(
  swapped: float, noise: float = 0.3
) -> tuple[dict[str, Any], ...]:
  """Returns what GPGait's recipes do to poses, and the features they make.

  Args:
    swapped: share of the frames whose sides are exchanged.
    noise: scale of the joints'; 0 adds none.
  """
  scale, features = gpgait_features()
  swap = dict(name='swap_sides', probability=swapped, per='frame')
  if not noise:
    return scale, swap, features
  joints = dict(name='joint_noise', scale=noise, normal=True)
  return scale, swap, joints, features


def gpgait_features() -> tuple[dict[str, Any], dict[str, Any]]:
  """Returns what makes GPGait's features of poses."""
  scale = dict(name='rescale_centre', height=225.0, centre='neck')
  return scale, dict(name='bones_and_angles')


def pose_augment(frames: int) -> tuple[dict[str, Any], ...]:
  """Returns GaitGraph2's transforms in training, of `frames` of a sequence."""
  return (
    dict(name='reflect', frames=frames),
    dict(name='reverse', probability=0.5),
    dict(name='random_frames', frames=frames),
    *pose_noise(),
  )


def pose_noise() -> tuple[dict[str, Any], ...]:
  """Returns those of them that do not choose frames."""
  return (
    dict(name='swap_sides', probability=0.5),
    dict(name='joint_noise', scale=0.1),
    dict(name='point_noise', scale=0.05),
    dict(name='move', x=3.0, y=1.0),
  )


def pose_middle(frames: int) -> tuple[dict[str, Any], ...]:
  """Returns GaitGraph2's transforms in evaluation, of `frames`."""
  return (
    dict(name='reflect', frames=frames),
    dict(name='middle_frames', frames=frames),
  )


def claim_sustech1k(
  config: ConfigDict, rank1: Sequence[float], rank5: float | None = None
) -> None:
  """Sets `config.published` on SUSTech1K.

  Args:
    config: as for `claim`.
    rank1: percentages of all its kinds of probes, in the protocol's order, of
      which the last is of all together.
    rank5: that of all together, where it is published.
  """
  numbers = {
    f'{name}/rank1': number
    for name, number in zip(_SUSTECH1K, rank1, strict=True)
  }
  common.claim(config, numbers | ({'Overall/rank5': rank5} if rank5 else {}))
