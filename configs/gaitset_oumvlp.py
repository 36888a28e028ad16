r"""GaitSet on OU-MVLP silhouettes, 5,153 training and 5,154 test subjects.

Paper: https://arxiv.org/abs/1811.06186; the recipe is OpenGait's
  gaitset_OUMVLP.yaml.
Cost: not run; meant for several accelerators.
Expected: Rank-1 87.2, as OpenGait publishes (the paper's own: 87.1): probes
  without a match count as errors.

  python launch.py --config=configs/gaitset_oumvlp.py \
      --workdir=runs/gaitset_oumvlp
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common


def get_config() -> ConfigDict:
  config = common.oumvlp()
  config.total_steps = 250_000
  config.batch.update(subjects=32, sequences=16, frames=30, order='unordered')
  config.model_name = 'gaitset'  # gaitgs_jax/models/gaitset.py
  config.model = dict(channels=(64, 128, 256), bins=(16, 8, 4, 2, 1))
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  config.losses.triplet = dict(weight=1.0, margin=0.2)
  config.optimizer = dict(name='adam', learning_rate=1e-4, weight_decay=0.0)
  config.schedule = dict(name='step', boundaries=(150_000,), factor=0.1)
  common.claim(config, {'NM/rank1': 87.2})
  return config
