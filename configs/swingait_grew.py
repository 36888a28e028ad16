r"""SwinGait on GREW silhouettes: 20,000 people train, 6,000 test.

Paper: https://arxiv.org/abs/2303.03301, OpenGait's swingait3D_B1442C2_GREW.yaml
Cost: not run; meant for several accelerators, after
  deepgaitv2_grew.py, from whose run it starts.
Expected: OpenGait publishes Rank-1 79.3.

The test's answers are withheld: the evaluation is grew_local, a stand-in.
--config.evaluation.protocol=grew writes the file to be submitted.

  python launch.py --config=configs/swingait_grew.py \
      --workdir=runs/swingait_grew
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.grew(silhouettes=dict(size=(64, 44)))
  config.init = dict(checkpoint='runs/deepgaitv2_grew')
  config.total_steps = 200_000
  config.batch.update(subjects=32, sequences=4, frames=30, skip=4)
  config.augment = recipes.opengait_augment()
  config.model_name = 'swingait'  # gaitgs_jax/models/swingait.py
  config.model = dict(blocks=(1, 4), depths=(4, 2), drop_path=0.1)
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  recipes.swingait_training(config, fall_steps=150_000)
  config.evaluation.frames_max = 720
  common.claim(config, {'rank1': 79.3}, protocol='grew')
  return config
