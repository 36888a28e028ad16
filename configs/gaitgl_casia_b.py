r"""GaitGL on CASIA-B silhouettes, 74 training and 50 test subjects.

Paper: https://arxiv.org/abs/2011.01461; the recipe is OpenGait's gaitgl.yaml.
Cost: not run.
Expected: Rank-1 NM 97.4, BG 94.5, CL 83.8, as OpenGait publishes (the paper's
  own: 97.4, 94.5, 83.6).

  python launch.py --config=configs/gaitgl_casia_b.py \
      --workdir=runs/gaitgl_casia_b
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common


def get_config() -> ConfigDict:
  config = common.casia_b()
  config.total_steps = 80_000
  config.batch.update(subjects=8, sequences=8, frames=30)
  config.model_name = 'gaitgl'  # gaitgs_jax/models/gaitgl.py
  config.model = dict(channels=(32, 64, 128), depth=1, strips=8)
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  config.losses.triplet = dict(weight=1.0, margin=0.2)
  config.losses.identity = dict(weight=1.0, scale=1.0, smoothing=0.0)
  config.optimizer = dict(name='adam', learning_rate=1e-4, weight_decay=5e-4)
  config.schedule = dict(name='step', boundaries=(70_000,), factor=0.1)
  common.claim(config, {'NM/rank1': 97.4, 'BG/rank1': 94.5, 'CL/rank1': 83.8})
  return config
