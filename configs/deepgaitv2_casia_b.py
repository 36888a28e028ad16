r"""DeepGaitV2 (P3D) on CASIA-B silhouettes, 74 training and 50 test subjects.

Paper: https://arxiv.org/abs/2303.03301 and OpenGait's DeepGaitV2_casiab.yaml
Cost: not run; meant for several accelerators. On one, --config.accumulate=2 and
  --config.remat=stem save memory.
Expected: OpenGait publishes no figures of this run.

  python launch.py --config=configs/deepgaitv2_casia_b.py \
      --workdir=runs/deepgaitv2_casia_b
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.casia_b()
  config.total_steps = 60_000
  config.batch.update(subjects=8, sequences=16, frames=30, skip=4)
  config.augment = recipes.opengait_augment()
  config.model_name = 'deepgaitv2'  # gaitgs_jax/models/deepgaitv2.py
  config.model = dict(kind='p3d', blocks=(1, 1, 1, 1))
  config.model.behind_neck = False  # OpenGait's use_emb2.
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  recipes.opengait_training(config, boundaries=(20_000, 40_000, 50_000))
  config.evaluation.frames_max = 720
  return config
