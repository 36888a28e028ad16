r"""GaitTR on skeletons of SUSTech1K: 250 people train, 800 test.

Paper: https://arxiv.org/abs/2204.03873, in OpenGait's gaittr_SUSTech1K.yaml
Cost: not run.
Expected: OpenGait publishes no figures of this run.

Skeletons are read in place from the released tree at config.dataset.root.
config.dataset.partition=SUSTech1K.json: its authors' file names who trains.

  python launch.py --config=configs/gaittr_sustech1k.py \
      --workdir=runs/gaittr_sustech1k
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.run('sustech1k', keypoints=dict())
  config.dataset.update(format='opengait', cache='ram')
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
  return config
