"""CSTL on CASIA-B silhouettes, 73 training and 50 test subjects.

Paper: Huang et al., ICCV 2021; https://github.com/OliverHxh/CSTL
Cost: not run; meant for one accelerator of 16 GB or more.
Expected: Rank-1 NM 97.8, BG 93.6, CL 84.2, as published at 64x44.

  python launch.py --config=configs/cstl_casia_b.py --workdir=runs/cstl_casia_b
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common


def get_config() -> ConfigDict:
  config = common.casia_b()
  config.total_steps = 150_000
  config.dataset.partition = 'casia_b_73'  # Without subject 005, as published.
  config.batch.update(subjects=8, sequences=8, frames=30)
  config.model_name = 'cstl'  # gaitgs_jax/models/cstl.py
  config.model = dict(channels=(32, 64, 128), parts=32)
  config.model.dtype = 'float32'  # Trained in single precision, as published.
  config.losses.triplet = dict(weight=1.0, margin=0.2)
  config.losses.identity = dict(weight=1.0, scale=1.0, smoothing=0.0)
  config.optimizer = dict(name='adam', learning_rate=1e-4, weight_decay=0.0)
  config.schedule = dict(name='constant')
  common.claim(config, {'NM/rank1': 97.8, 'BG/rank1': 93.6, 'CL/rank1': 84.2})
  return config
