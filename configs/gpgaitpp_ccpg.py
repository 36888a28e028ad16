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
  recipes.fastpose_rate(config, rise=0.475, divide_last=1e4, peak=2e-3)
  config.evaluation.transform = config.augment
  return config
