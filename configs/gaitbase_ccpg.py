r"""GaitBase on silhouettes of CCPG: 100 people train, 100 test.

Paper: https://arxiv.org/abs/2211.06597, in OpenGait's gaitbase_ccpg.yaml
Cost: not run; meant for several accelerators.
Expected: OpenGait publishes no figures of this run.

  python launch.py --config=configs/gaitbase_ccpg.py \
      --workdir=runs/gaitbase_ccpg
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.run('ccpg', silhouettes=dict(size=(64, 44)))
  config.total_steps = 60_000
  config.batch.update(subjects=8, sequences=16, frames=30, order='unordered')
  config.model_name = 'gaitbase'  # gaitgs_jax/models/gaitbase.py
  config.model = dict(channels=(64, 128, 256, 512), bins=(16,))
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  recipes.opengait_training(config, boundaries=(20_000, 40_000, 50_000))
  config.evaluation.frames_max = 720
  return config
