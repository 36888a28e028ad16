r"""GPGait on skeletons of CCPG: 100 people train, 100 test.

Paper: https://arxiv.org/abs/2303.05234 and FastPoseGait's gpgait_CCPG.yaml:
  frames are a set, hardest triplets alone, twice the peak rate of the other
  datasets.
Cost: not run.
Expected: Rank-1 CL 54.8, UP 65.6, DN 71.1, as FastPoseGait publishes.

  python launch.py --config=configs/gpgait_ccpg.py \
      --workdir=runs/gpgait_ccpg
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.run('ccpg_pose', 'ccpg', keypoints=dict())
  config.dataset.update(variant='coco17', cache='ram')
  config.total_steps = 40_000
  config.batch.update(subjects=4, sequences=32, frames=60, order='unordered')
  upright = dict(name='straighten')
  config.augment = (upright, *recipes.gpgait_features())
  config.model_name = 'gpgait'  # gaitgs_jax/models/gpgait.py
  config.model = dict(channels=(64, 64, 128, 256), shared=3)
  config.model.dtype = 'float32'
  config.losses.triplet = dict(weight=1.0, margin=0.3, hardest=True)
  config.losses.identity = dict(weight=1.0, scale=16.0, smoothing=0.0)
  config.optimizer = dict(name='adam', learning_rate=2e-3, weight_decay=2e-5)
  config.optimizer.beta1 = 'one_cycle'
  config.schedule = dict(name='one_cycle', rise=0.5, three_phases=True)
  config.schedule.update(divide_first=100.0, divide_last=1e4)
  config.evaluation.transform = config.augment
  rank1 = {'CL/rank1': 54.75, 'UP/rank1': 65.60, 'DN/rank1': 71.06}
  precision = {'CL/mAP': 25.78, 'UP/mAP': 38.44, 'DN/mAP': 41.04}
  common.claim(config, rank1 | precision)
  return config
