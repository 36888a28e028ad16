r"""GaitPart on CASIA-B silhouettes, 74 training and 50 test subjects.

Paper: Fan et al., CVPR 2020; the recipe is gaitpart.yaml of
  https://github.com/ShiqiYu/OpenGait
Cost: not run.
Expected: Rank-1 NM 96.1, BG 90.7, CL 78.7, as OpenGait publishes (the paper's
  own: 96.2, 91.5, 78.7).

  python launch.py --config=configs/gaitpart_casia_b.py \
      --workdir=runs/gaitpart_casia_b
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common


def get_config() -> ConfigDict:
  config = common.casia_b()
  config.total_steps = 120_000
  config.batch.update(subjects=8, sequences=16, frames=30, skip=10)
  config.model_name = 'gaitpart'  # gaitgs_jax/models/gaitpart.py
  config.model = dict(channels=(32, 64, 128), strips=(1, 4, 8), features=128)
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  config.losses.triplet = dict(weight=1.0, margin=0.2)
  config.optimizer = dict(name='adam', learning_rate=1e-4, weight_decay=0.0)
  config.schedule = dict(name='step', boundaries=(100_000,), factor=0.1)
  common.claim(config, {'NM/rank1': 96.1, 'BG/rank1': 90.7, 'CL/rank1': 78.7})
  return config
