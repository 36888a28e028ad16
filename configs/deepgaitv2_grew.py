r"""DeepGaitV2 (P3D) on GREW silhouettes: 20,000 people train, 6,000 test.

Paper: https://arxiv.org/abs/2303.03301 and OpenGait's DeepGaitV2_grew.yaml
Cost: not run; meant for several accelerators.
Expected: OpenGait publishes no figures of this run, but of
  deepgaitv2_3d_grew.py.

The test's answers are withheld: the evaluation is grew_local, a stand-in.
--config.evaluation.protocol=grew writes the file to be submitted.

  python launch.py --config=configs/deepgaitv2_grew.py \
      --workdir=runs/deepgaitv2_grew
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.grew(silhouettes=dict(size=(64, 44)))
  config.total_steps = 180_000
  config.batch.update(subjects=32, sequences=4, frames=30, skip=4)
  config.augment = recipes.opengait_augment()
  config.model_name = 'deepgaitv2'  # gaitgs_jax/models/deepgaitv2.py
  config.model = dict(kind='p3d', blocks=(1, 4, 4, 1))
  config.model.behind_neck = False  # OpenGait's use_emb2.
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  recipes.opengait_training(config, boundaries=(80_000, 120_000, 150_000))
  config.evaluation.frames_max = 720
  return config
