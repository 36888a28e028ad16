r"""GaitBase on OU-MVLP silhouettes, 5,153 training and 5,154 test subjects.

Paper: https://arxiv.org/abs/2211.06597 and OpenGait's gaitbase_oumvlp.yaml
Cost: not run; meant for several accelerators.
Expected: Rank-1 90.8, as published: probes without a match count as errors.

  python launch.py --config=configs/gaitbase_oumvlp.py \
      --workdir=runs/gaitbase_oumvlp
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.oumvlp()
  config.total_steps = 120_000
  config.batch.update(subjects=32, sequences=8, frames=30, order='unordered')
  config.model_name = 'gaitbase'  # gaitgs_jax/models/gaitbase.py
  config.model = dict(channels=(64, 128, 256, 512), bins=(16,))
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  recipes.opengait_training(config, boundaries=(60_000, 80_000, 100_000))
  config.evaluation.update(every_steps=20_000, frames_max=720)
  common.claim(config, {'NM/rank1': 90.8})
  return config
