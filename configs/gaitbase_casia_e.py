r"""GaitBase on silhouettes of CASIA-E: 200 people train, 814 test.

Paper: https://arxiv.org/abs/2211.06597, in OpenGait's gaitbase_casiae.yaml
Cost: not run; meant for several accelerators.
Expected: Rank-1 NM 91.6, BG 86.7, CL 74.7, as OpenGait publishes.

  python launch.py --config=configs/gaitbase_casia_e.py \
      --workdir=runs/gaitbase_casia_e
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.run('casia_e', silhouettes=dict(size=(64, 44)))
  config.total_steps = 60_000
  config.batch.update(subjects=8, sequences=32, frames=30, order='unordered')
  config.model_name = 'gaitbase'  # gaitgs_jax/models/gaitbase.py
  config.model = dict(channels=(64, 128, 256, 512), bins=(16,))
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  recipes.opengait_training(config, boundaries=(20_000, 40_000, 50_000))
  config.evaluation.frames_max = 720
  numbers = {
    'NM/rank1': 91.59,
    'BG/rank1': 86.65,
    'CL/rank1': 74.73,
  }
  common.claim(config, numbers)
  return config
