r"""DeepGaitV2 (P3D) on OU-MVLP silhouettes: 5,153 people train, 5,154 test.

Paper: https://arxiv.org/abs/2303.03301 and OpenGait's DeepGaitV2_oumvlp.yaml
Cost: not run; meant for several accelerators.
Expected: OpenGait publishes no figures of this run, but of
  deepgaitv2_3d_oumvlp.py.

  python launch.py --config=configs/deepgaitv2_oumvlp.py \
      --workdir=runs/deepgaitv2_oumvlp
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.oumvlp()
  config.total_steps = 120_000
  config.batch.update(subjects=32, sequences=8, frames=30, skip=4)
  config.augment = recipes.opengait_augment()
  config.model_name = 'deepgaitv2'  # gaitgs_jax/models/deepgaitv2.py
  config.model = dict(kind='p3d', blocks=(1, 1, 1, 1))
  config.model.behind_neck = False  # OpenGait's use_emb2.
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  recipes.opengait_training(config, boundaries=(60_000, 80_000, 100_000))
  config.evaluation.update(every_steps=20_000, frames_max=720)
  return config
