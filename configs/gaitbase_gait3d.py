r"""GaitBase on silhouettes of Gait3D: 3,000 people train, 1,000 test.

Paper: https://arxiv.org/abs/2211.06597, in OpenGait's gaitbase_da_gait3d.yaml
Cost: not run; meant for several accelerators.
Expected: Rank-1 64.6, as OpenGait publishes.

config.dataset.partition=Gait3D.json: its authors' file names who trains and
what is a probe.

  python launch.py --config=configs/gaitbase_gait3d.py \
      --workdir=runs/gaitbase_gait3d
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.run('gait3d', silhouettes=dict(size=(64, 44)))
  config.total_steps = 60_000
  config.batch.update(subjects=32, sequences=4, frames=30, order='unordered')
  config.batch.update(frames_rule='unfixed', frames_min=10, frames_max=50)
  config.augment = recipes.opengait_augment()
  config.model_name = 'gaitbase'  # gaitgs_jax/models/gaitbase.py
  config.model = dict(channels=(64, 128, 256, 512), bins=(16,))
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  recipes.opengait_training(config, boundaries=(20_000, 40_000, 50_000))
  config.evaluation.frames_max = 720
  common.claim(config, {'rank1': 64.6})
  return config
