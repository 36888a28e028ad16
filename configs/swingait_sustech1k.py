r"""SwinGait on silhouettes of SUSTech1K: 250 people train, 800 test.

Paper: https://arxiv.org/abs/2303.03301, in OpenGait's
  swingait3D_B1122C2_SUSTech1K.yaml
Cost: not run; meant for several accelerators, after deepgaitv2_sustech1k.py,
  from whose run it starts.
Expected: Rank-1 79.7, rank-5 91.8 overall, as OpenGait publishes.

config.dataset.partition=SUSTech1K.json: its authors' file names who trains.

  python launch.py --config=configs/swingait_sustech1k.py \
      --workdir=runs/swingait_sustech1k
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.run('sustech1k', silhouettes=dict(size=(64, 44)))
  config.init = dict(checkpoint='runs/deepgaitv2_sustech1k')
  config.total_steps = 60_000
  config.batch.update(subjects=8, sequences=8, frames=30, skip=4)
  config.augment = recipes.opengait_augment()
  config.model_name = 'swingait'  # gaitgs_jax/models/swingait.py
  config.model = dict(blocks=(1, 1), depths=(2, 2), drop_path=0.1)
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  recipes.swingait_training(config, fall_steps=50_000)
  config.evaluation.frames_max = 720
  rank1 = (86.2, 81.3, 47.4, 79.3, 81.6, 83.1, 85.6, 28.5, 79.7)
  recipes.claim_sustech1k(config, rank1, rank5=91.8)
  return config
