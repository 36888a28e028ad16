"""GaitGS on CASIA-B silhouettes of 128x88, 74 training and 50 test subjects.

Paper: https://arxiv.org/abs/2305.19700; the recipe of casia_b.py.
Cost: not run; four times the work of casia_b.py.
Expected: Rank-1 NM 98.2, BG 96.5, CL 89.7, as published at 128x88.

  python launch.py --config=configs/casia_b_128.py --workdir=runs/casia_b_128
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common


def get_config() -> ConfigDict:
  config = common.casia_b(size=(128, 88))
  config.total_steps = 80_000
  config.batch.update(subjects=8, sequences=8, frames=30)
  config.model_name = 'gaitgs'  # gaitgs_jax/models/gaitgs.py
  config.model = dict(channels=(32, 64, 128), parts=32, strips=8)
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  config.losses.triplet = dict(weight=1.0, margin=0.25)
  config.losses.view = dict(weight=0.2)
  config.optimizer = dict(name='adam', learning_rate=1e-4, weight_decay=5e-4)
  config.schedule = dict(name='step', boundaries=(70_000,), factor=0.1)
  config.evaluation.batch_frames = 800
  common.claim(config, {'NM/rank1': 98.2, 'BG/rank1': 96.5, 'CL/rank1': 89.7})
  return config
