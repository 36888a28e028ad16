r"""GaitTR on OUMVLP-Pose, 5,153 training and 5,154 test subjects.

Paper: https://arxiv.org/abs/2204.03873 in OpenGait's gaittr_OUMVLP.yaml:
  AlphaPose's 18 joints, batches of 32 x 16.
Cost: not run.
Expected: Rank-1 40.3, as published: probes without a match count as errors.

  python launch.py --config=configs/gaittr_oumvlp.py \
      --workdir=runs/gaittr_oumvlp
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.oumvlp_pose('alphapose')
  config.total_steps = 150_000
  config.batch.update(subjects=32, sequences=16, frames=60)
  features = dict(name='motion_and_bones', convention='opengait')
  config.augment = (*recipes.gaittr_augment(), features)
  config.model_name = 'gaittr'  # gaitgs_jax/models/gaittr.py
  config.model = dict(channels=(64, 64, 128, 256), features=256, dropout=0.1)
  config.model.dtype = 'float32'
  config.losses.triplet = dict(weight=1.0, margin=0.3)
  recipes.fastpose_rate(config, rise=0.475, divide_last=1000.0)
  config.evaluation.update(protocol='oumvlp', every_steps=30_000)
  config.evaluation.transform = (features,)
  config.checkpoint.every_steps = 5_000
  common.claim(config, {'NM/rank1': 40.31})
  return config
