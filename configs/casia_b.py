"""GaitGS on CASIA-B silhouettes, 74 training and 50 test subjects.

Paper: https://arxiv.org/abs/2305.19700
Cost: not run; meant for one accelerator of 16 GB or more.
Expected: Rank-1 NM 97.9, BG 94.6, CL 86.9, as published at 64x44.

  python launch.py --config=configs/casia_b.py --workdir=runs/casia_b
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common


def get_config() -> ConfigDict:
  config = common.casia_b()
  config.total_steps = 80_000
  config.batch.update(subjects=8, sequences=8, frames=30)
  config.model_name = 'gaitgs'  # gaitgs_jax/models/gaitgs.py
  config.model = dict(channels=(32, 64, 128), parts=32, strips=8)
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  config.losses.triplet = dict(weight=1.0, margin=0.25)
  config.losses.view = dict(weight=0.2)
  config.optimizer = dict(name='adam', learning_rate=1e-4, weight_decay=5e-4)
  config.schedule = dict(name='step', boundaries=(70_000,), factor=0.1)
  # fmt: off
  common.claim(config, {
    'NM/rank1': 97.9, 'BG/rank1': 94.6, 'CL/rank1': 86.9,
    'NM/rank1_by_probe_view':
      (97.5, 99.0, 99.0, 98.1, 96.8, 96.3, 98.1, 98.7, 99.4, 98.7, 95.4),
    'CL/rank1_by_probe_view':
      (80.4, 90.9, 93.2, 90.8, 86.5, 83.0, 85.8, 89.3, 90.0, 88.5, 77.0),
  })
  # fmt: on
  return config
