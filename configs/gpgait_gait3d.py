r"""GPGait on skeletons of Gait3D: 3,000 people train, 1,000 test.

Paper: https://arxiv.org/abs/2303.05234 and FastPoseGait's gpgait_Gait3D.yaml:
  frames are a set, spines made vertical, identities weigh 0.01.
Cost: not run.
Expected: Rank-1 22.4, as FastPoseGait publishes.

config.dataset.partition=Gait3D.json: its authors' file names who trains and
what is a probe.

  python launch.py --config=configs/gpgait_gait3d.py \
      --workdir=runs/gpgait_gait3d
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.run('gait3d_pose', 'gait3d', keypoints=dict())
  config.dataset.update(variant='hrnet', cache='ram')
  config.total_steps = 60_000
  config.batch.update(subjects=32, sequences=4, frames=60, order='unordered')
  upright = dict(name='straighten')
  config.augment = (upright, *recipes.gpgait_augment(swapped=0.01, noise=0.0))
  config.model_name = 'gpgait'  # gaitgs_jax/models/gpgait.py
  config.model = dict(channels=(64, 64, 128, 128, 256), shared=3)
  config.model.dtype = 'float32'
  config.losses.triplet = dict(weight=1.0, margin=0.3)
  config.losses.identity = dict(weight=0.01, scale=16.0, smoothing=0.1)
  recipes.fastpose_rate(config, rise=0.475, divide_last=1e4)
  config.evaluation.transform = (upright, *recipes.gpgait_features())
  common.claim(config, {'rank1': 22.40})
  return config
