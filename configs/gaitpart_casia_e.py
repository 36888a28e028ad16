r"""GaitPart on silhouettes of CASIA-E: 200 people train, 814 test.

Paper: Fan et al., CVPR 2020, in OpenGait's gaitpart_casiae.yaml,
  https://github.com/ShiqiYu/OpenGait
Cost: not run; meant for several accelerators.
Expected: Rank-1 NM 82.9, BG 74.4, CL 60.5, as OpenGait publishes.

  python launch.py --config=configs/gaitpart_casia_e.py \
      --workdir=runs/gaitpart_casia_e
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common


def get_config() -> ConfigDict:
  config = common.run('casia_e', silhouettes=dict(size=(64, 44)))
  config.total_steps = 120_000
  config.batch.update(subjects=8, sequences=32, frames=30, skip=10)
  config.model_name = 'gaitpart'  # gaitgs_jax/models/gaitpart.py
  config.model = dict(channels=(32, 64, 128, 256), strips=(1, 1, 8, 8))
  config.model.features = 256
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  config.losses.triplet = dict(weight=1.0, margin=0.2)
  config.optimizer = dict(name='adam', learning_rate=1e-4, weight_decay=0.0)
  config.schedule = dict(name='step', boundaries=(100_000,), factor=0.1)
  numbers = {
    'NM/rank1': 82.92,
    'BG/rank1': 74.36,
    'CL/rank1': 60.48,
  }
  common.claim(config, numbers)
  return config
