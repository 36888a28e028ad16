r"""ParsingGait on Gait3D's label maps: 3,000 people train, 1,000 test.

Paper: https://arxiv.org/abs/2308.16739 and OpenGait's
  parsinggait_gait3d_parsing.yaml, with the coarse graph
Cost: not run; meant for several accelerators.
Expected: Rank-1 76.2 and mAP 68.2, as published, on the authors' partition
  Gait3D.json.

  python launch.py --config=configs/parsinggait_gait3d_parsing.py \
      --workdir=runs/parsinggait_gait3d_parsing \
      --config.dataset.partition=Gait3D.json
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.run('gait3d_parsing', 'gait3d', parsing=dict(size=(64, 44)))
  config.total_steps = 120_000
  config.batch.update(subjects=32, sequences=2, frames=30, order='unordered')
  config.model_name = 'parsinggait'  # gaitgs_jax/models/parsinggait.py
  config.model = dict(channels=(64, 128, 256, 512), bins=(16,))
  config.model.graphs = ('coarse',)
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  recipes.opengait_training(config, boundaries=(40_000, 80_000, 100_000))
  config.evaluation.frames_max = 720
  common.claim(config, {'rank1': 76.2, 'mAP': 68.2})
  return config
