r"""DeepGaitV2 (P3D) on silhouettes of Gait3D: 3,000 people train, 1,000 test.

Paper: https://arxiv.org/abs/2303.03301, in OpenGait's DeepGaitV2_gait3d.yaml
Cost: not run; meant for several accelerators.
Expected: Rank-1 74.4, as OpenGait publishes.

config.dataset.partition=Gait3D.json: its authors' file names who trains and
what is a probe.

  python launch.py --config=configs/deepgaitv2_gait3d.py \
      --workdir=runs/deepgaitv2_gait3d
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.run('gait3d', silhouettes=dict(size=(64, 44)))
  config.total_steps = 60_000
  config.batch.update(subjects=32, sequences=4, frames=30, skip=4)
  config.augment = recipes.opengait_augment()
  config.model_name = 'deepgaitv2'  # gaitgs_jax/models/deepgaitv2.py
  config.model = dict(kind='p3d', blocks=(1, 4, 4, 1))
  config.model.behind_neck = False  # OpenGait's use_emb2.
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  recipes.opengait_training(config, boundaries=(20_000, 40_000, 50_000))
  config.evaluation.frames_max = 720
  common.claim(config, {'rank1': 74.4})
  return config
