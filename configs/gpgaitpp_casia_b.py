r"""GPGait++ on CASIA-B skeletons, 74 training and 50 test subjects.

Paper: https://ieeexplore.ieee.org/document/11029177 and FastPoseGait's
  gpgait++.yaml: 30 frames in their order, HRNet's skeletons.
Cost: not run.
Expected: unknown; its authors' code comes without figures.

  python launch.py --config=configs/gpgaitpp_casia_b.py \
      --workdir=runs/gpgaitpp_casia_b
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.casia_b_pose()
  config.total_steps = 40_000
  config.batch.update(subjects=4, sequences=32, frames=30)
  config.augment = recipes.gpgait_augment(swapped=0.1)
  config.model_name = 'gpgaitpp'  # gaitgs_jax/models/gpgaitpp.py
  config.model = dict(channels=(64, 64, 128, 256), masked=True, dropout=0.1)
  config.model.dtype = 'float32'
  config.losses.triplet = dict(weight=1.0, margin=0.3, hardest=True)
  config.losses.identity = dict(weight=1.0, scale=16.0, smoothing=0.0)
  recipes.fastpose_rate(config, rise=0.475, divide_last=1e4)
  config.evaluation.protocol = 'casia_b'
  config.evaluation.transform = recipes.gpgait_features()
  return config
