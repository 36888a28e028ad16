r"""GPGait on OUMVLP-Pose, 5,153 training and 5,154 test subjects.

Paper: https://arxiv.org/abs/2303.05234 and FastPoseGait's gpgait_OUMVLP.yaml:
  AlphaPose's joints without the neck, deeper than on CASIA-B.
Cost: not run; meant for several accelerators.
Expected: Rank-1 59.1, as published: probes without a match count as errors.

  python launch.py --config=configs/gpgait_oumvlp.py \
      --workdir=runs/gpgait_oumvlp
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.oumvlp_pose('alphapose')
  config.total_steps = 150_000
  config.batch.update(subjects=32, sequences=16, frames=30, order='unordered')
  joints = dict(name='to_coco17')
  config.augment = (joints, *recipes.gpgait_augment(swapped=0.01))
  config.model_name = 'gpgait'  # gaitgs_jax/models/gpgait.py
  config.model = dict(channels=(64, 128, 128, 128, 128, 256, 256))
  config.model.update(shared=4, dtype='float32')
  config.losses.triplet = dict(weight=1.0, margin=0.3, hardest=True)
  config.losses.identity = dict(weight=0.5, scale=16.0, smoothing=0.0)
  recipes.fastpose_rate(config, rise=0.475, divide_last=1e4)
  config.evaluation.update(protocol='oumvlp', every_steps=50_000)
  config.evaluation.transform = (joints, *recipes.gpgait_features())
  config.checkpoint.every_steps = 5_000
  common.claim(config, {'NM/rank1': 59.11})
  return config
