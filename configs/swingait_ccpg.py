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
  config.losses.triplet = dict(weight=1.0, margin=0.2)
  config.losses.identity = dict(weight=1.0, scale=16.0, smoothing=0.1)
  config.optimizer = dict(name='adamw', learning_rate=3e-4, weight_decay=0.02)
  config.optimizer.groups = recipes.swingait_groups()
  config.schedule = dict(name='cosine', fall_steps=60_000, final=1e-6)
  config.evaluation.frames_max = 720
  return config
