r"""GPGait++ on CASIA-B skeletons, 74 training and 50 test subjects.

Paper: https://ieeexplore.ieee.org/document/11029177 and FastPoseGait's
  gpgait++.yaml: 30 frames in their order, HRNet's skeletons.
Cost: not run.
Expected: unknown; its authors' code comes without figures.

  python launch.py --config=configs/gpgaitpp_casia_b.py \
      --workdir=runs/gpgaitpp_casia_b
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common


def get_config() -> ConfigDict:
  config = common.casia_b_pose()
  config.total_steps = 40_000
  config.batch.update(subjects=4, sequences=32, frames=30)
  scale = dict(name='rescale_centre', height=225.0, centre='neck')
  features = dict(name='bones_and_angles')
  config.augment = (
    scale,
    dict(name='swap_sides', probability=0.1, per='frame'),
    dict(name='joint_noise', scale=0.3, normal=True),
    features,
  )
  config.model_name = 'gpgaitpp'  # gaitgs_jax/models/gpgaitpp.py
  config.model = dict(channels=(64, 64, 128, 256), masked=True, dropout=0.1)
  config.model.dtype = 'float32'
  config.losses.triplet = dict(weight=1.0, margin=0.3, hardest=True)
  config.losses.identity = dict(weight=1.0, scale=16.0, smoothing=0.0)
  config.optimizer = dict(name='adam', learning_rate=1e-3, weight_decay=2e-5)
  config.optimizer.beta1 = 'one_cycle'
  config.schedule = dict(name='one_cycle', rise=0.475, three_phases=True)
  config.schedule.update(divide_first=100.0, divide_last=1e4)
  config.evaluation.update(protocol='casia_b', transform=(scale, features))
  return config
