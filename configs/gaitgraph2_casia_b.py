r"""GaitGraph2 on CASIA-B skeletons, 74 training and 50 test subjects.

Paper: https://arxiv.org/abs/2204.07855 and its released code: one branch
  (--config.model.joined=False makes it three), 200 epochs.
Cost: not run.
Expected: Rank-1 NM 82.0, BG 73.2, CL 63.6, as published.

  python launch.py --config=configs/gaitgraph2_casia_b.py \
      --workdir=runs/gaitgraph2_casia_b
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes

_EPOCH = 11  # Batches of 768 in at most 74 x 110 sequences.


def get_config() -> ConfigDict:
  config = common.casia_b_pose()
  config.total_steps = 200 * _EPOCH
  config.log_every = 5
  # `augment` cuts out 60 frames.
  config.batch.update(frames=60, frames_rule='all')
  config.augment = recipes.pose_augment(frames=60)
  config.model_name = 'gaitgraph2'  # gaitgs_jax/models/gaitgraph2.py
  config.model = dict(blocks=(1, 1, 1), reduction=8, features=128)
  recipes.gaitgraph2(config, joined=True, convention='original')
  config.checkpoint.every_steps = config.evaluation.every_steps = 20 * _EPOCH
  config.evaluation.metric = 'cosine'
  config.evaluation.transform = recipes.pose_middle(frames=60)
  common.claim(config, {'NM/rank1': 82.0, 'BG/rank1': 73.2, 'CL/rank1': 63.6})
  return config
