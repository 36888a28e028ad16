r"""GPGait on CASIA-B skeletons, 74 training and 50 test subjects.

Paper: https://arxiv.org/abs/2303.05234 and FastPoseGait's gpgait.yaml: frames
  are a set, HRNet's skeletons, hardest triplets alone.
Cost: not run.
Expected: Rank-1 NM 93.6, BG 80.2, CL 69.3, as published.

  python launch.py --config=configs/gpgait_casia_b.py \
      --workdir=runs/gpgait_casia_b
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.casia_b_pose()
  config.total_steps = 40_000
  config.batch.update(subjects=4, sequences=32, frames=60, order='unordered')
  config.augment = recipes.gpgait_augment(swapped=0.1)
  config.model_name = 'gpgait'  # gaitgs_jax/models/gpgait.py
  config.model = dict(channels=(64, 64, 128, 256), shared=3, dtype='float32')
  config.losses.triplet = dict(weight=1.0, margin=0.3, hardest=True)
  config.losses.identity = dict(weight=1.0, scale=16.0, smoothing=0.0)
  recipes.fastpose_rate(config, rise=0.5, divide_last=1e4)
  config.evaluation.protocol = 'casia_b'
  config.evaluation.transform = recipes.gpgait_features()
  numbers = {'NM/rank1': 93.60, 'BG/rank1': 80.15, 'CL/rank1': 69.29}
  common.claim(config, numbers)
  return config
