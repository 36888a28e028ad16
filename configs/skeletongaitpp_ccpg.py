r"""SkeletonGait++ on both maps of CCPG: 100 people train, 100 test.

Paper: https://arxiv.org/abs/2311.13444, in OpenGait's skeletongait++_CCPG.yaml
Cost: not run; meant for several accelerators.
Expected: Rank-1 CL 90.1, UP 95.0, DN 92.9, BG 97.0; OpenGait does not say of
  which of the two protocols.

The tree at config.dataset.root holds both, as OpenGait's ln_sil_heatmap.py
links them, and is read in place.

  python launch.py --config=configs/skeletongaitpp_ccpg.py \
      --workdir=runs/skeletongaitpp_ccpg
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.run('ccpg_heatmaps', 'ccpg', **recipes.both_maps())
  config.dataset.update(variant='coco17', format='opengait')
  config.total_steps = 60_000
  config.batch.update(subjects=8, sequences=16, frames=30, skip=4)
  config.augment = recipes.opengait_augment()
  config.model_name = 'skeletongaitpp'  # gaitgs_jax/models/skeletongaitpp.py
  config.model = dict(blocks=(1, 1, 1, 1), behind_neck=False)
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  recipes.opengait_training(config, boundaries=(20_000, 30_000, 40_000))
  config.evaluation.frames_max = 720
  return config
