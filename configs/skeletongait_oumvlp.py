r"""SkeletonGait on heat maps of OUMVLP-Pose: 5,153 people train, 5,154 test.

Paper: https://arxiv.org/abs/2311.13444 and OpenGait's skeletongait_OUMVLP.yaml
Cost: not run; meant for several accelerators.
Expected: Rank-1 67.4, as OpenGait publishes: probes without a match are errors.

  python launch.py --config=configs/skeletongait_oumvlp.py \
      --workdir=runs/skeletongait_oumvlp
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.run(
    'oumvlp_heatmaps', 'oumvlp', heatmaps=dict(size=(64, 44, 2))
  )
  config.dataset.variant = 'alphapose'
  config.total_steps = 120_000
  config.batch.update(subjects=32, sequences=8, frames=30, skip=4)
  config.augment = (
    dict(name='crop'),
    dict(name='horizontal_flip', probability=0.5),
  )
  config.model_name = 'skeletongait'  # gaitgs_jax/models/skeletongait.py
  config.model = dict(kind='p3d', blocks=(1, 1, 1, 1))
  config.model.behind_neck = False  # OpenGait's use_emb2.
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  recipes.opengait_training(config, boundaries=(60_000, 80_000, 100_000))
  config.evaluation.update(every_steps=20_000, frames_max=720)
  common.claim(config, {'NM/rank1': 67.4})
  return config
