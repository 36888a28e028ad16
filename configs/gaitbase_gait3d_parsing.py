r"""GaitBase on label maps of Gait3D: 3,000 people train, 1,000 test.

Paper: https://arxiv.org/abs/2211.06597, in OpenGait's
  gaitbase_gait3d_parsing_btz32x2_fixed.yaml
Cost: not run; meant for several accelerators.
Expected: Rank-1 71.2, mAP 64.1, as OpenGait publishes.

config.dataset.partition=Gait3D.json: its authors' file names who trains and
what is a probe.

  python launch.py --config=configs/gaitbase_gait3d_parsing.py \
      --workdir=runs/gaitbase_gait3d_parsing
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.run('gait3d_parsing', 'gait3d', parsing=dict(size=(64, 44)))
  config.total_steps = 120_000
  config.batch.update(subjects=32, sequences=2, frames=30, order='unordered')
  config.model_name = 'gaitbase'  # gaitgs_jax/models/gaitbase.py
  config.model = dict(channels=(64, 128, 256, 512), bins=(16,))
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  recipes.opengait_training(config, boundaries=(40_000, 80_000, 100_000))
  config.evaluation.frames_max = 720
  common.claim(config, {'rank1': 71.2, 'mAP': 64.1})
  return config
