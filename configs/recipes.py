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


def swingait_groups() -> dict[str, dict[str, Any]]:
  """Returns how groups of SwinGait's weights learn, as released."""
  return dict(
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


def pose_augment(frames: int) -> tuple[dict[str, Any], ...]:
  """Returns GaitGraph2's transforms in training, of `frames` of a sequence."""
  return (
    dict(name='reflect', frames=frames),
    dict(name='reverse', probability=0.5),
    dict(name='random_frames', frames=frames),
    dict(name='swap_sides', probability=0.5),
    dict(name='joint_noise', scale=0.1),
    dict(name='point_noise', scale=0.05),
    dict(name='move', x=3.0, y=1.0),
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
