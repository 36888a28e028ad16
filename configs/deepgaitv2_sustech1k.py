r"""DeepGaitV2 (P3D) on silhouettes of SUSTech1K: 250 people train, 800 test.

Paper: https://arxiv.org/abs/2303.03301, in OpenGait's DeepGaitV2_sustech1k.yaml
Cost: not run; meant for several accelerators.
Expected: Rank-1 82.4, rank-5 92.6 overall, as OpenGait publishes.

config.dataset.partition=SUSTech1K.json: its authors' file names who trains.

  python launch.py --config=configs/deepgaitv2_sustech1k.py \
      --workdir=runs/deepgaitv2_sustech1k
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.run('sustech1k', silhouettes=dict(size=(64, 44)))
  config.total_steps = 50_000
  config.batch.update(subjects=8, sequences=8, frames=10, skip=4)
  config.augment = recipes.opengait_augment()
  config.model_name = 'deepgaitv2'  # gaitgs_jax/models/deepgaitv2.py
  config.model = dict(kind='p3d', blocks=(1, 1, 1, 1))
  config.model.behind_neck = False  # OpenGait's use_emb2.
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  recipes.opengait_training(config, boundaries=(20_000, 30_000, 40_000))
  config.evaluation.frames_max = 720
  rank1 = (87.5, 84.1, 53.4, 81.3, 86.2, 84.8, 88.5, 28.8, 82.4)
  recipes.claim_sustech1k(config, rank1, rank5=92.6)
  return config
