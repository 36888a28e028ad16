r"""GPGait++ on OUMVLP-Pose, 5,153 training and 5,154 test subjects.

Paper: https://ieeexplore.ieee.org/document/11029177 and FastPoseGait's
  gpgait++_OUMVLP.yaml: 15 frames, all triplets, joints of all parts mix.
Cost: not run; meant for several accelerators.
Expected: unknown; its authors' code comes without figures.

  python launch.py --config=configs/gpgaitpp_oumvlp.py \
      --workdir=runs/gpgaitpp_oumvlp
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.oumvlp_pose('alphapose')
  config.total_steps = 150_000
  config.batch.update(subjects=32, sequences=16, frames=15)
  config.augment = (dict(name='to_coco17'), *recipes.gpgait_features())
  config.model_name = 'gpgaitpp'  # gaitgs_jax/models/gpgaitpp.py
  config.model = dict(channels=(64, 128, 128, 128, 128, 256, 256))
  config.model.update(masked=False, dropout=0.1, dtype='float32')
  config.losses.triplet = dict(weight=1.0, margin=0.3)
  config.losses.identity = dict(weight=1.0, scale=16.0, smoothing=0.1)
  recipes.fastpose_rate(config, rise=0.475, divide_last=1e4)
  config.evaluation.update(protocol='oumvlp', every_steps=50_000)
  config.evaluation.transform = config.augment
  config.checkpoint.every_steps = 5_000
  return config
