r"""GaitBase on CASIA-B silhouettes, 74 training and 50 test subjects.

Paper: https://arxiv.org/abs/2211.06597 and OpenGait's gaitbase_da_casiab.yaml
Cost: not run; for several accelerators, or one with --config.remat=stem.
Expected: Rank-1 NM 97.6, BG 94.0, CL 77.4, as published.

  python launch.py --config=configs/gaitbase_casia_b.py \
      --workdir=runs/gaitbase_casia_b
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.casia_b()
  config.total_steps = 60_000
  config.batch.update(subjects=8, sequences=16, frames=30, order='unordered')
  config.augment = (
    dict(name='rotation', probability=0.3),
    dict(name='random_erasing', probability=0.3),
  )
  config.model_name = 'gaitbase'  # gaitgs_jax/models/gaitbase.py
  config.model = dict(channels=(64, 128, 256, 512), bins=(16,))
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  recipes.opengait_training(config, boundaries=(20_000, 40_000, 50_000))
  config.evaluation.frames_max = 720
  common.claim(config, {'NM/rank1': 97.6, 'BG/rank1': 94.0, 'CL/rank1': 77.4})
  return config
