r"""GaitTR on skeletons of Gait3D: 3,000 people train, 1,000 test.

Paper: https://arxiv.org/abs/2204.03873, in OpenGait's gaittr_Gait3D.yaml
Cost: not run.
Expected: Rank-1 7.2, as OpenGait publishes.

config.dataset.partition=Gait3D.json: its authors' file names who trains and
what is a probe.

  python launch.py --config=configs/gaittr_gait3d.py \
      --workdir=runs/gaittr_gait3d
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common


def get_config() -> ConfigDict:
  config = common.run('gait3d_pose', 'gait3d', keypoints=dict())
  config.dataset.update(variant='hrnet', cache='ram')
  config.total_steps = 40_000
  config.batch.update(subjects=32, sequences=4, frames=60)
  features = dict(name='motion_and_bones', convention='opengait')
  config.augment = (
    dict(name='point_noise', scale=0.3, normal=True, clip=False),
    dict(name='swap_sides', probability=0.1, per='frame'),
    dict(name='joint_noise', scale=0.3, normal=True),
    features,
  )
  config.model_name = 'gaittr'  # gaitgs_jax/models/gaittr.py
  config.model = dict(channels=(64, 64, 128, 256), features=128)
  config.model.update(dropout=0.1, dtype='float32')
  config.losses.triplet = dict(weight=1.0, margin=0.3)
  config.optimizer = dict(name='adam', learning_rate=1e-3, weight_decay=2e-5)
  config.optimizer.beta1 = 'one_cycle'
  config.schedule = dict(name='one_cycle', rise=0.475, three_phases=True)
  config.schedule.update(divide_first=100.0, divide_last=1000.0)
  config.evaluation.transform = (features,)
  common.claim(config, {'rank1': 7.2})
  return config
