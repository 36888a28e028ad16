r"""CSTL on CASIA-B silhouettes of 128x88, 73 training and 50 test subjects.

Paper: Huang et al., ICCV 2021; https://github.com/OliverHxh/CSTL. The recipe of
  cstl_casia_b.py; the parts are one for each row of the maps.
Cost: not run; four times the work of cstl_casia_b.py.
Expected: Rank-1 NM 98.0, BG 95.4, CL 87.0, as published at 128x88.

  python launch.py --config=configs/cstl_casia_b_128.py \
      --workdir=runs/cstl_casia_b_128
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common


def get_config() -> ConfigDict:
  config = common.casia_b(size=(128, 88))
  config.total_steps = 150_000
  config.dataset.partition = 'casia_b_73'  # Without subject 005, as published.
  config.batch.update(subjects=8, sequences=8, frames=30)
  config.model_name = 'cstl'  # gaitgs_jax/models/cstl.py
  config.model = dict(channels=(32, 64, 128), parts=64)
  config.model.dtype = 'float32'  # Trained in single precision, as published.
  config.losses.triplet = dict(weight=1.0, margin=0.2)
  config.losses.identity = dict(weight=1.0, scale=1.0, smoothing=0.0)
  config.optimizer = dict(name='adam', learning_rate=1e-4, weight_decay=0.0)
  config.schedule = dict(name='constant')
  config.evaluation.batch_frames = 800
  common.claim(config, {'NM/rank1': 98.0, 'BG/rank1': 95.4, 'CL/rank1': 87.0})
  return config
