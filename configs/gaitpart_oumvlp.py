r"""GaitPart on OU-MVLP silhouettes, 5,153 training and 5,154 test subjects.

Paper: Fan et al., CVPR 2020; the recipe is gaitpart_OUMVLP.yaml of
  https://github.com/ShiqiYu/OpenGait
Cost: not run; meant for several accelerators.
Expected: Rank-1 88.6, as OpenGait publishes (the paper's own: 88.7): probes
  without a match count as errors.

  python launch.py --config=configs/gaitpart_oumvlp.py \
      --workdir=runs/gaitpart_oumvlp
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common


def get_config() -> ConfigDict:
  config = common.oumvlp()
  config.total_steps = 250_000
  config.batch.update(subjects=32, sequences=16, frames=30, skip=10)
  config.model_name = 'gaitpart'  # gaitgs_jax/models/gaitpart.py
  config.model = dict(channels=(32, 64, 128, 256), features=256)
  config.model.strips = (1, 1, 8, 8)
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  config.losses.triplet = dict(weight=1.0, margin=0.2)
  config.optimizer = dict(name='adam', learning_rate=1e-4, weight_decay=0.0)
  config.schedule = dict(name='step', boundaries=(150_000,), factor=0.1)
  common.claim(config, {'NM/rank1': 88.6})
  return config
