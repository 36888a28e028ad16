"""CSTL on OU-MVLP silhouettes, 5,153 training and 5,154 test subjects.

Paper: Huang et al., ICCV 2021; https://github.com/OliverHxh/CSTL has settings
  for CASIA-B only. These are those, with the usual 32 subjects in a batch.
Cost: not run; meant for four accelerators, say.
Expected: unknown; the published Rank-1 of 90.2 is that of 128x88.

  python launch.py --config=configs/cstl_oumvlp.py --workdir=runs/cstl_oumvlp
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common


def get_config() -> ConfigDict:
  config = common.oumvlp()
  config.total_steps = 150_000
  config.batch.update(subjects=32, sequences=8, frames=30)
  config.model_name = 'cstl'  # gaitgs_jax/models/cstl.py
  config.model = dict(channels=(32, 64, 128), parts=32)
  config.model.dtype = 'float32'  # Trained in single precision, as published.
  config.losses.triplet = dict(weight=1.0, margin=0.2)
  config.losses.identity = dict(weight=1.0, scale=1.0, smoothing=0.0)
  config.optimizer = dict(name='adam', learning_rate=1e-4, weight_decay=0.0)
  config.schedule = dict(name='constant')
  return config
