r"""LidarGait, GaitBase on a LiDAR's depth maps, on SUSTech1K: 250 people train.

Paper: https://arxiv.org/abs/2211.10598 and OpenGait's lidargait_sustech1k.yaml
Cost: not run; meant for one accelerator.
Expected: Rank-1 86.8, rank-5 96.1 overall, as OpenGait publishes of LidarGait;
  it does not say of which config.

  python launch.py --config=configs/lidargait_sustech1k.py \
      --workdir=runs/lidargait_sustech1k --config.dataset.root=TREE \
      --config.dataset.partition=SUSTech1K.json
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.run('sustech1k', depth=dict(size=(64, 64, 3)))
  config.dataset.format = 'opengait'  # Depth maps are read in place.
  config.total_steps = 40_000
  config.batch.update(subjects=8, sequences=8, frames=10, order='unordered')
  config.model_name = 'gaitbase'  # gaitgs_jax/models/gaitbase.py
  config.model = dict(inputs=3, channels=(64, 128, 256, 512), bins=(16,))
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  recipes.opengait_training(config, boundaries=(20_000, 30_000))
  config.evaluation.frames_max = 720
  rank1 = (91.8, 88.6, 74.6, 89.0, 67.5, 80.9, 94.5, 90.4, 86.8)
  recipes.claim_sustech1k(config, rank1, rank5=96.1)
  return config
