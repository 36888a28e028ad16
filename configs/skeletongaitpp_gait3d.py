r"""SkeletonGait++ on both maps of Gait3D: 3,000 people train, 1,000 test.

Paper: https://arxiv.org/abs/2311.13444, in OpenGait's
  skeletongait++_Gait3D.yaml
Cost: not run; meant for several accelerators.
Expected: Rank-1 77.6, as OpenGait publishes (77.4 beside its recipe).

The tree at config.dataset.root holds both, as OpenGait's ln_sil_heatmap.py
links them, and is read in place.
config.dataset.partition=Gait3D.json: its authors' file names who trains and
what is a probe.

  python launch.py --config=configs/skeletongaitpp_gait3d.py \
      --workdir=runs/skeletongaitpp_gait3d
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.run('gait3d_heatmaps', 'gait3d', **recipes.both_maps())
  config.dataset.update(variant='hrnet', format='opengait')
  config.total_steps = 60_000
  config.batch.update(subjects=32, sequences=4, frames=30, skip=4)
  config.augment = recipes.opengait_augment()
  config.model_name = 'skeletongaitpp'  # gaitgs_jax/models/skeletongaitpp.py
  config.model = dict(blocks=(1, 4, 4, 1), behind_neck=False)
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  recipes.opengait_training(config, boundaries=(20_000, 30_000, 40_000))
  config.evaluation.frames_max = 720
  common.claim(config, {'rank1': 77.6})
  return config
