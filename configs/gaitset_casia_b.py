r"""GaitSet on CASIA-B silhouettes, 74 training and 50 test subjects.

Paper: https://arxiv.org/abs/1811.06186; the recipe is OpenGait's gaitset.yaml.
Cost: not run.
Expected: Rank-1 NM 95.8, BG 90.0, CL 75.4, as OpenGait publishes (the paper's
  own: 95.0, 87.2, 70.4).

  python launch.py --config=configs/gaitset_casia_b.py \
      --workdir=runs/gaitset_casia_b
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common


def get_config() -> ConfigDict:
  config = common.casia_b()
  config.total_steps = 40_000
  config.batch.update(subjects=8, sequences=16, frames=30, order='unordered')
  config.model_name = 'gaitset'  # gaitgs_jax/models/gaitset.py
  config.model = dict(channels=(32, 64, 128), bins=(16, 8, 4, 2, 1))
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  config.losses.triplet = dict(weight=1.0, margin=0.2)
  config.optimizer = dict(name='sgd', learning_rate=0.1, momentum=0.9)
  config.optimizer.weight_decay = 5e-4
  config.schedule = dict(name='step', factor=0.1)
  config.schedule.boundaries = (10_000, 20_000, 30_000)
  common.claim(config, {'NM/rank1': 95.8, 'BG/rank1': 90.0, 'CL/rank1': 75.4})
  return config
