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
  recipes.fastpose_rate(config, rise=0.5, divide_last=1e4, peak=2e-3)
  config.evaluation.transform = config.augment
  rank1 = {'CL/rank1': 54.75, 'UP/rank1': 65.60, 'DN/rank1': 71.06}
  precision = {'CL/mAP': 25.78, 'UP/mAP': 38.44, 'DN/mAP': 41.04}
  common.claim(config, rank1 | precision)
  return config
