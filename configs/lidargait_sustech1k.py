r"""LidarGait, GaitBase on a LiDAR's depth maps, on SUSTech1K: 250 people train.

Paper: https://arxiv.org/abs/2211.10598 and OpenGait's lidargait_sustech1k.yaml
Cost: not run; meant for one accelerator.
Expected: OpenGait publishes no figures of this run.

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
  return config
