r"""GPGait++ on skeletons of Gait3D: 3,000 people train, 1,000 test.

Paper: https://ieeexplore.ieee.org/document/11029177 and FastPoseGait's
  gpgait++_Gait3D.yaml: 30 frames in their order, of 32 in a row, all triplets,
  joints of all parts mix.
Cost: not run.
Expected: unknown; its authors' code comes without figures.

config.dataset.partition=Gait3D.json: its authors' file names who trains and
what is a probe.

  python launch.py --config=configs/gpgaitpp_gait3d.py \
      --workdir=runs/gpgaitpp_gait3d
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.run('gait3d_pose', 'gait3d', keypoints=dict())
  config.dataset.update(variant='hrnet', cache='ram')
  config.total_steps = 60_000
  config.batch.update(subjects=32, sequences=4, frames=30, skip=2)
  upright = dict(name='straighten')
  config.augment = (upright, *recipes.gpgait_features())
  config.model_name = 'gpgaitpp'  # gaitgs_jax/models/gpgaitpp.py
  config.model = dict(channels=(64, 64, 128, 128, 256))
  config.model.update(masked=False, dropout=0.1, dtype='float32')
  config.losses.triplet = dict(weight=1.0, margin=0.3)
  config.losses.identity = dict(weight=1.0, scale=16.0, smoothing=0.1)
  recipes.fastpose_rate(config, rise=0.475, divide_last=1e4)
  config.evaluation.transform = config.augment
  return config
