r"""SkeletonGait on heat maps of Gait3D: 3,000 people train, 1,000 test.

Paper: https://arxiv.org/abs/2311.13444, in OpenGait's skeletongait_Gait3D.yaml
Cost: not run; meant for several accelerators.
Expected: Rank-1 38.1, as OpenGait publishes.

config.dataset.partition=Gait3D.json: its authors' file names who trains and
what is a probe.

  python launch.py --config=configs/skeletongait_gait3d.py \
      --workdir=runs/skeletongait_gait3d
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.run(
    'gait3d_heatmaps', 'gait3d', heatmaps=dict(size=(64, 44, 2))
  )
  config.dataset.variant = 'hrnet'
  config.total_steps = 60_000
  config.batch.update(subjects=32, sequences=4, frames=30, skip=4)
  config.augment = recipes.opengait_augment()
  config.model_name = 'skeletongait'  # gaitgs_jax/models/skeletongait.py
  config.model = dict(kind='p3d', blocks=(1, 4, 4, 1))
  config.model.behind_neck = False  # OpenGait's use_emb2.
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  recipes.opengait_training(config, boundaries=(20_000, 30_000, 40_000))
  config.evaluation.frames_max = 720
  common.claim(config, {'rank1': 38.1})
  return config
