r"""SkeletonGait on heat maps of SUSTech1K: 250 people train, 800 test.

Paper: https://arxiv.org/abs/2311.13444, in OpenGait's
  skeletongait_SUSTech1K.yaml
Cost: not run; meant for several accelerators.
Expected: Rank-1 51.5 overall, as OpenGait publishes.

The tree of heat maps at config.dataset.root is OpenGait's, read in place.
config.dataset.partition=SUSTech1K.json: its authors' file names who trains.

  python launch.py --config=configs/skeletongait_sustech1k.py \
      --workdir=runs/skeletongait_sustech1k
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.run('sustech1k', heatmaps=dict(size=(64, 44, 2)))
  config.dataset.format = 'opengait'
  config.total_steps = 50_000
  config.batch.update(subjects=8, sequences=8, frames=10, order='unordered')
  config.augment = recipes.opengait_augment()
  config.model_name = 'skeletongait'  # gaitgs_jax/models/skeletongait.py
  config.model = dict(kind='p3d', blocks=(1, 1, 1, 1))
  config.model.behind_neck = False  # OpenGait's use_emb2.
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  recipes.opengait_training(config, boundaries=(20_000, 30_000, 40_000))
  config.evaluation.frames_max = 720
  rank1 = (54.2, 51.7, 21.34, 51.59, 44.5, 53.37, 67.07, 44.15, 51.46)
  recipes.claim_sustech1k(config, rank1)
  return config
