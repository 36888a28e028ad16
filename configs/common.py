"""What runs share: a function for each benchmark, and the defaults of all.

A config starts with `config = common.casia_b()`, say, and sets what its paper
says: total_steps, the numbers of batch, model_name, model, losses, optimizer,
schedule, and whatever else differs. `--mode=show` prints the whole.
"""

from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from gaitgs_jax.input import datasets, sizes


def casia_b(size: tuple[int, int] = (64, 44)) -> ConfigDict:
  """Returns what runs on silhouettes of CASIA-B share, of (height, width)."""
  return run('casia_b', silhouettes=dict(size=size))


def casia_b_pose() -> ConfigDict:
  """Returns what runs on skeletons of CASIA-B share."""
  config = run('casia_b_pose', keypoints=dict())  # All joints.
  # All sequences together are about 200 MB.
  config.dataset.update(variant='hrnet', cache='ram')
  config.evaluation.batch_frames = 25_000
  return config


def oumvlp(size: tuple[int, int] = (64, 44)) -> ConfigDict:
  """Returns what runs on silhouettes of OU-MVLP share, of (height, width)."""
  config = run('oumvlp', silhouettes=dict(size=size))
  config.evaluation.every_steps = 30_000
  return config


def oumvlp_pose(variant: str = 'alphapose') -> ConfigDict:
  """Returns what runs on OUMVLP-Pose share, of 'alphapose' or 'openpose'."""
  config = run('oumvlp_pose', keypoints=dict())
  # All sequences together are about 1.5 GB.
  config.dataset.update(variant=variant, cache='ram')
  config.evaluation.batch_frames = 6_400
  return config


def grew(dataset: str = 'grew', **inputs: dict[str, Any]) -> ConfigDict:
  """Returns what runs on GREW share; its numbers are a local stand-in's.

  The answers of its test are withheld. Under the protocol 'grew' an evaluation
  writes the file to be submitted, and no numbers.

  Args:
    dataset: one of the same people, such as 'grew_pose'.
    **inputs: as for `run`.
  """
  config = run(dataset, 'grew_local', **inputs)
  config.evaluation.every_steps = 30_000
  return config


def synthetic_walkers(
  variant: str, size: tuple[int, int] = (64, 44)
) -> ConfigDict:
  """Returns what runs on silhouettes of walkers share: demo, full or tiny."""
  config = run('synthetic_walkers', 'casia_b', silhouettes=dict(size=size))
  config.dataset.variant = variant
  config.evaluation.update(untrained=True, baseline=True)
  return config


def synthetic_walkers_pose(variant: str) -> ConfigDict:
  """Returns what runs on skeletons of walkers share: demo, full or tiny."""
  config = run('synthetic_walkers_pose', 'casia_b_pose', keypoints=dict())
  config.dataset.variant = variant
  config.evaluation.update(untrained=True, baseline=True)
  return config


def run(
  dataset: str, protocol: str = '', **inputs: dict[str, Any]
) -> ConfigDict:
  """Returns the fields that every run has, on a dataset.

  Args:
    dataset: its name.
    protocol: that evaluates it; '' is the one of the same name.
    **inputs: what the model sees, as silhouettes=dict(size=(64, 44)).
  """
  config = ConfigDict()
  config.seed = 0
  config.log_every = 100
  config.tensorboard = True
  config.dataset = dict(
    name=dataset,
    variant='',  # That of the height of the frames.
    format='tfds',  # Or 'opengait': a tree of pickles at root, read in place.
    root='',  # Where TFDS keeps its data.
    pair='exact',  # Of several modalities: the same frames in each.
    cache='',  # 'ram' reads every sequence once.
    partition='',  # The published one.
    on_error='raise',
  )
  config.inputs = inputs
  config.batch = dict(sampler='pk', frames_rule='fixed', order='ordered')
  config.accumulate = 1  # Parts that a batch is computed in, for memory.
  config.remat = 'none'  # none, stem or all: computed again, for memory.
  config.augment = ()
  config.losses = dict()
  config.average = dict(start=1.0, every=1, statistics_steps=0)  # Never.
  config.evaluation = dict(
    protocol=protocol or dataset,
    metric='euclidean',
    dtype='float32',  # Whatever config.model.dtype trains in.
    every_steps=10_000,
    batch_frames=1_600,
    frames_max=0,  # All.
    untrained=False,
    baseline=False,
    verification=False,
    transform=(),
  )
  config.checkpoint = dict(every_steps=1_000)
  config.mesh = dict(data=-1, model=1)
  return config


def claim(
  config: ConfigDict, numbers: Mapping[str, Any], *, protocol: str = ''
) -> None:
  """Sets `config.published`: figures of runs such as the config is so far.

  Args:
    config: its protocol, dataset, model and inputs are those of the figures.
    numbers: percentages, named as in results: 'NM/rank1', 'rank1', 'mAP'.
    protocol: what they were counted by; '' is the config's.
  """
  facts = datasets.get(config.dataset.name)
  config.published = dict(
    protocol=protocol or config.evaluation.protocol,
    dataset=config.dataset.name,
    model_name=config.model_name,
    inputs=sizes.of(config.inputs, facts),
    numbers=numbers,
  )
