r"""GaitGL on OU-MVLP silhouettes, 5,153 training and 5,154 test subjects.

Paper: https://arxiv.org/abs/2011.01461; the recipe is OpenGait's
  gaitgl_OUMVLP.yaml.
Cost: not run; meant for several accelerators.
Expected: Rank-1 89.9, as OpenGait publishes (the paper's own: 89.7): probes
  without a match count as errors.

  python launch.py --config=configs/gaitgl_oumvlp.py \
      --workdir=runs/gaitgl_oumvlp
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common


def get_config() -> ConfigDict:
  config = common.oumvlp()
  config.total_steps = 210_000
  config.batch.update(subjects=32, sequences=8, frames=30)
  config.model_name = 'gaitgl'  # gaitgs_jax/models/gaitgl.py
  config.model = dict(channels=(32, 64, 128, 256), depth=2, strips=2)
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  config.losses.triplet = dict(weight=1.0, margin=0.2)
  config.losses.identity = dict(weight=1.0, scale=1.0, smoothing=0.1)
  config.optimizer = dict(name='adam', learning_rate=1e-4, weight_decay=0.0)
  config.schedule = dict(name='step', boundaries=(150_000, 200_000), factor=0.1)
  common.claim(config, {'NM/rank1': 89.9})
  return config
