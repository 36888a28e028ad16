r"""SkeletonGait on heat maps of GREW: 20,000 people train, 6,000 test.

Paper: https://arxiv.org/abs/2311.13444, OpenGait's skeletongait_GREW.yaml
Cost: not run; meant for several accelerators.
Expected: Rank-1 77.4 of the submission, as OpenGait publishes.

The test's answers are withheld: the evaluation is grew_local, a stand-in.
--config.evaluation.protocol=grew writes the file to be submitted.

  python launch.py --config=configs/skeletongait_grew.py \
      --workdir=runs/skeletongait_grew
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.grew('grew_heatmaps', heatmaps=dict(size=(64, 44, 2)))
  config.dataset.variant = 'hrnet'
  config.total_steps = 180_000
  config.batch.update(subjects=32, sequences=4, frames=30, skip=4)
  config.augment = recipes.opengait_augment()
  config.model_name = 'skeletongait'  # gaitgs_jax/models/skeletongait.py
  config.model = dict(kind='p3d', blocks=(1, 4, 4, 1))
  config.model.behind_neck = False  # OpenGait's use_emb2.
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  recipes.opengait_training(config, boundaries=(80_000, 120_000, 150_000))
  config.evaluation.frames_max = 720
  common.claim(config, {'rank1': 77.4}, protocol='grew')
  return config
