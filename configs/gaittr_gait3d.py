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

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.run('gait3d_pose', 'gait3d', keypoints=dict())
  config.dataset.update(variant='hrnet', cache='ram')
  config.total_steps = 40_000
  config.batch.update(subjects=32, sequences=4, frames=60)
  features = dict(name='motion_and_bones', convention='opengait')
  config.augment = (*recipes.gaittr_augment(), features)
  config.model_name = 'gaittr'  # gaitgs_jax/models/gaittr.py
  config.model = dict(channels=(64, 64, 128, 256), features=128)
  config.model.update(dropout=0.1, dtype='float32')
  config.losses.triplet = dict(weight=1.0, margin=0.3)
  recipes.fastpose_rate(config, rise=0.475, divide_last=1000.0)
  config.evaluation.transform = (features,)
  common.claim(config, {'rank1': 7.2})
  return config
