r"""GaitSet on silhouettes of CASIA-E: 200 people train, 814 test.

Paper: https://arxiv.org/abs/1811.06186, in OpenGait's gaitset_casiae.yaml
Cost: not run; meant for several accelerators.
Expected: Rank-1 NM 82.5, BG 75.3, CL 62.5, as OpenGait publishes.

  python launch.py --config=configs/gaitset_casia_e.py \
      --workdir=runs/gaitset_casia_e
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common


def get_config() -> ConfigDict:
  config = common.run('casia_e', silhouettes=dict(size=(64, 44)))
  config.total_steps = 60_000
  config.batch.update(subjects=8, sequences=32, frames=30, order='unordered')
  config.model_name = 'gaitset'  # gaitgs_jax/models/gaitset.py
  config.model = dict(channels=(64, 128, 256), bins=(16, 8, 4, 2, 1))
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  config.losses.triplet = dict(weight=1.0, margin=0.2)
  config.optimizer = dict(name='sgd', learning_rate=0.1, momentum=0.9)
  config.optimizer.weight_decay = 5e-4
  config.schedule = dict(name='step', factor=0.1)
  config.schedule.boundaries = (20_000, 40_000, 50_000)
  numbers = {
    'NM/rank1': 82.54,
    'BG/rank1': 75.26,
    'CL/rank1': 62.53,
  }
  common.claim(config, numbers)
  return config
