r"""SwinGait on CCPG silhouettes: 100 people train, 100 test.

Paper: https://arxiv.org/abs/2303.03301, OpenGait's swingait3D_B1122C2_CCPG.yaml
Cost: not run; meant for several accelerators, after
  deepgaitv2_ccpg.py, from whose run it starts.
Expected: OpenGait publishes no figures of this run.

  python launch.py --config=configs/swingait_ccpg.py \
      --workdir=runs/swingait_ccpg
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.run('ccpg', silhouettes=dict(size=(64, 44)))
  config.init = dict(checkpoint='runs/deepgaitv2_ccpg')
  config.total_steps = 80_000
  config.batch.update(subjects=8, sequences=16, frames=30, skip=4)
  config.augment = recipes.opengait_augment()
  config.model_name = 'swingait'  # gaitgs_jax/models/swingait.py
  config.model = dict(blocks=(1, 1), depths=(2, 2), drop_path=0.1)
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  recipes.swingait_training(config, fall_steps=60_000)
  config.evaluation.frames_max = 720
  return config
