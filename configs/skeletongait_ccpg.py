r"""SkeletonGait on heat maps of CCPG: 100 people train, 100 test.

Paper: https://arxiv.org/abs/2311.13444, OpenGait's skeletongait_CCPG.yaml
Cost: not run; meant for several accelerators.
Expected: Rank-1 CL 52.4, UP 65.4, DN 72.8, BG 80.9; OpenGait does not say of
  which of the two protocols.

  python launch.py --config=configs/skeletongait_ccpg.py \
      --workdir=runs/skeletongait_ccpg
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.run('ccpg_heatmaps', 'ccpg', heatmaps=dict(size=(64, 44, 2)))
  config.dataset.variant = 'coco17'
  config.total_steps = 60_000
  config.batch.update(subjects=8, sequences=16, frames=30, skip=4)
  config.augment = recipes.opengait_augment()
  config.model_name = 'skeletongait'  # gaitgs_jax/models/skeletongait.py
  config.model = dict(kind='p3d', blocks=(1, 1, 1, 1))
  config.model.behind_neck = True  # OpenGait's use_emb2.
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  recipes.opengait_training(config, boundaries=(20_000, 30_000, 40_000))
  config.evaluation.frames_max = 720
  return config
