r"""SwinGait on silhouettes of Gait3D: 3,000 people train, 1,000 test.

Paper: https://arxiv.org/abs/2303.03301, in OpenGait's
  swingait3D_B1442C2_Gait3D.yaml
Cost: not run; meant for several accelerators, after deepgaitv2_gait3d.py, from
  whose run it starts.
Expected: Rank-1 75.0, as OpenGait publishes.

config.dataset.partition=Gait3D.json: its authors' file names who trains and
what is a probe.

  python launch.py --config=configs/swingait_gait3d.py \
      --workdir=runs/swingait_gait3d
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.run('gait3d', silhouettes=dict(size=(64, 44)))
  config.init = dict(checkpoint='runs/deepgaitv2_gait3d')
  config.total_steps = 80_000
  config.batch.update(subjects=32, sequences=4, frames=30, skip=4)
  config.augment = recipes.opengait_augment()
  config.model_name = 'swingait'  # gaitgs_jax/models/swingait.py
  config.model = dict(blocks=(1, 4), depths=(4, 2), drop_path=0.1)
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  recipes.swingait_training(config, fall_steps=60_000)
  config.evaluation.frames_max = 720
  common.claim(config, {'rank1': 75.0})
  return config
