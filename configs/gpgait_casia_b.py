r"""GPGait on CASIA-B skeletons, 74 training and 50 test subjects.

Paper: https://arxiv.org/abs/2303.05234 and FastPoseGait's gpgait.yaml: frames
  are a set, HRNet's skeletons, hardest triplets alone.
Cost: not run.
Expected: Rank-1 NM 93.6, BG 80.2, CL 69.3, as published.

  python launch.py --config=configs/gpgait_casia_b.py \
      --workdir=runs/gpgait_casia_b
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common


def get_config() -> ConfigDict:
  config = common.casia_b_pose()
  config.total_steps = 40_000
  config.batch.update(subjects=4, sequences=32, frames=60, order='unordered')
  scale = dict(name='rescale_centre', height=225.0, centre='neck')
  features = dict(name='bones_and_angles')
  config.augment = (
    scale,
    dict(name='swap_sides', probability=0.1, per='frame'),
    dict(name='joint_noise', scale=0.3, normal=True),
    features,
  )
  config.model_name = 'gpgait'  # gaitgs_jax/models/gpgait.py
  config.model = dict(channels=(64, 64, 128, 256), shared=3, dtype='float32')
  config.losses.triplet = dict(weight=1.0, margin=0.3, hardest=True)
  config.losses.identity = dict(weight=1.0, scale=16.0, smoothing=0.0)
  config.optimizer = dict(name='adam', learning_rate=1e-3, weight_decay=2e-5)
  config.optimizer.beta1 = 'one_cycle'
  config.schedule = dict(name='one_cycle', rise=0.5, three_phases=True)
  config.schedule.update(divide_first=100.0, divide_last=1e4)
  config.evaluation.update(protocol='casia_b', transform=(scale, features))
  numbers = {'NM/rank1': 93.60, 'BG/rank1': 80.15, 'CL/rank1': 69.29}
  common.claim(config, numbers)
  return config
