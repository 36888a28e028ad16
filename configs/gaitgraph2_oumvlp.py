r"""GaitGraph2 on OUMVLP-Pose, 5,153 training and 5,154 test subjects.

Paper: https://arxiv.org/abs/2204.07855 and its released code: a deeper network
  of three branches, 750 epochs. From the end of epoch 599 the rate is held and
  the weights at the start of each epoch are averaged. AlphaPose's keypoints, or
  OpenPose's with --config=configs/gaitgraph2_oumvlp.py:openpose.
Cost: not run.
Expected: unknown; the published Rank-1 of 62.1 to 70.8 is of another protocol.

  python launch.py --config=configs/gaitgraph2_oumvlp.py \
      --workdir=runs/gaitgraph2_oumvlp
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes

_EPOCH = 174  # Batches of 768 in about 133,000 sequences.
_AVERAGED = 599 / 750  # From where on, as a part of the run.


def get_config(keypoints: str = 'alphapose') -> ConfigDict:
  config = common.oumvlp_pose(keypoints)
  config.total_steps = 750 * _EPOCH
  config.log_every = 25
  # `augment` cuts out 30 frames.
  config.batch.update(frames=30, frames_rule='all')
  config.augment = recipes.pose_augment(frames=30)
  config.model_name = 'gaitgraph2'  # gaitgs_jax/models/gaitgraph2.py
  config.model = dict(blocks=(2, 3, 3), reduction=4, features=128)
  recipes.gaitgraph2(config, 'adam', 'original', decay=0.0, hold=_AVERAGED)
  config.average = dict(start=_AVERAGED, every=_EPOCH, statistics_steps=_EPOCH)
  config.evaluation.update(metric='cosine', every_steps=75 * _EPOCH)
  # Missing joints are repaired here and not in training, as published.
  middle = recipes.pose_middle(frames=30)
  config.evaluation.transform = (dict(name='repair'), *middle)
  config.checkpoint.every_steps = 5 * _EPOCH
  return config
