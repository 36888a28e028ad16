r"""GPGait++ on skeletons of CCPG: 100 people train, 100 test.

Paper: https://ieeexplore.ieee.org/document/11029177 and FastPoseGait's
  gpgait++_CCPG.yaml: 30 frames in their order, hardest triplets alone, joints
  of all parts mix.
Cost: not run.
Expected: unknown; its authors' code comes without figures.

  python launch.py --config=configs/gpgaitpp_ccpg.py \
      --workdir=runs/gpgaitpp_ccpg
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.run('ccpg_pose', 'ccpg', keypoints=dict())
  config.dataset.update(variant='coco17', cache='ram')
  config.total_steps = 40_000
  config.batch.update(subjects=8, sequences=16, frames=30)
  upright = dict(name='straighten')
  config.augment = (upright, *recipes.gpgait_features())
  config.model_name = 'gpgaitpp'  # gaitgs_jax/models/gpgaitpp.py
  config.model = dict(channels=(64, 64, 128, 256))
  config.model.update(masked=False, dropout=0.1, dtype='float32')
  config.losses.triplet = dict(weight=1.0, margin=0.3, hardest=True)
  config.losses.identity = dict(weight=1.0, scale=16.0, smoothing=0.0)
  config.optimizer = dict(name='adam', learning_rate=2e-3, weight_decay=2e-5)
  config.optimizer.beta1 = 'one_cycle'
  config.schedule = dict(name='one_cycle', rise=0.475, three_phases=True)
  config.schedule.update(divide_first=100.0, divide_last=1e4)
  config.evaluation.transform = config.augment
  return config
