r"""GaitTR on OUMVLP-Pose, 5,153 training and 5,154 test subjects.

Paper: https://arxiv.org/abs/2204.03873 in OpenGait's gaittr_OUMVLP.yaml:
  AlphaPose's 18 joints, batches of 32 x 16.
Cost: not run.
Expected: Rank-1 40.3, as published: probes without a match count as errors.

  python launch.py --config=configs/gaittr_oumvlp.py \
      --workdir=runs/gaittr_oumvlp
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common


def get_config() -> ConfigDict:
  config = common.oumvlp_pose('alphapose')
  config.total_steps = 150_000
  config.batch.update(subjects=32, sequences=16, frames=60)
  features = dict(name='motion_and_bones', convention='opengait')
  config.augment = (
    dict(name='point_noise', scale=0.3, normal=True, clip=False),
    dict(name='swap_sides', probability=0.1, per='frame'),
    dict(name='joint_noise', scale=0.3, normal=True),
    features,
  )
  config.model_name = 'gaittr'  # gaitgs_jax/models/gaittr.py
  config.model = dict(channels=(64, 64, 128, 256), features=256, dropout=0.1)
  config.model.dtype = 'float32'
  config.losses.triplet = dict(weight=1.0, margin=0.3)
  config.optimizer = dict(name='adam', learning_rate=1e-3, weight_decay=2e-5)
  config.optimizer.beta1 = 'one_cycle'
  config.schedule = dict(name='one_cycle', rise=0.475, three_phases=True)
  config.schedule.update(divide_first=100.0, divide_last=1000.0)
  config.evaluation.update(protocol='oumvlp', every_steps=30_000)
  config.evaluation.transform = (features,)
  config.checkpoint.every_steps = 5_000
  common.claim(config, {'NM/rank1': 40.31})
  return config
