r"""GPGait on OUMVLP-Pose, 5,153 training and 5,154 test subjects.

Paper: https://arxiv.org/abs/2303.05234 and FastPoseGait's gpgait_OUMVLP.yaml:
  AlphaPose's joints without the neck, deeper than on CASIA-B.
Cost: not run; meant for several accelerators.
Expected: Rank-1 59.1, as published: probes without a match count as errors.

  python launch.py --config=configs/gpgait_oumvlp.py \
      --workdir=runs/gpgait_oumvlp
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common


def get_config() -> ConfigDict:
  config = common.oumvlp_pose('alphapose')
  config.total_steps = 150_000
  config.batch.update(subjects=32, sequences=16, frames=30, order='unordered')
  scale = dict(name='rescale_centre', height=225.0, centre='neck')
  joints, features = dict(name='to_coco17'), dict(name='bones_and_angles')
  config.augment = (
    joints,
    scale,
    dict(name='swap_sides', probability=0.01, per='frame'),
    dict(name='joint_noise', scale=0.3, normal=True),
    features,
  )
  config.model_name = 'gpgait'  # gaitgs_jax/models/gpgait.py
  config.model = dict(channels=(64, 128, 128, 128, 128, 256, 256))
  config.model.update(shared=4, dtype='float32')
  config.losses.triplet = dict(weight=1.0, margin=0.3, hardest=True)
  config.losses.identity = dict(weight=0.5, scale=16.0, smoothing=0.0)
  config.optimizer = dict(name='adam', learning_rate=1e-3, weight_decay=2e-5)
  config.optimizer.beta1 = 'one_cycle'
  config.schedule = dict(name='one_cycle', rise=0.475, three_phases=True)
  config.schedule.update(divide_first=100.0, divide_last=1e4)
  config.evaluation.update(protocol='oumvlp', every_steps=50_000)
  config.evaluation.transform = (joints, scale, features)
  config.checkpoint.every_steps = 5_000
  common.claim(config, {'NM/rank1': 59.11})
  return config
