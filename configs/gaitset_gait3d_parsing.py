r"""GaitSet on label maps of Gait3D: 3,000 people train, 1,000 test.

Paper: https://arxiv.org/abs/1811.06186, in OpenGait's
  gaitset_gait3d_parsing.yaml
Cost: not run; meant for several accelerators.
Expected: Rank-1 55.9, mAP 46.7, as OpenGait publishes.

config.dataset.partition=Gait3D.json: its authors' file names who trains and
what is a probe.

  python launch.py --config=configs/gaitset_gait3d_parsing.py \
      --workdir=runs/gaitset_gait3d_parsing
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common


def get_config() -> ConfigDict:
  config = common.run('gait3d_parsing', 'gait3d', parsing=dict(size=(64, 44)))
  config.total_steps = 180_000
  config.batch.update(subjects=32, sequences=4, frames=30, order='unordered')
  config.model_name = 'gaitset'  # gaitgs_jax/models/gaitset.py
  config.model = dict(channels=(32, 64, 128), bins=(16, 8, 4, 2, 1))
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  config.losses.triplet = dict(weight=1.0, margin=0.2)
  config.optimizer = dict(name='adam', learning_rate=1e-3, weight_decay=5e-4)
  config.schedule = dict(name='step', boundaries=(30_000, 90_000), factor=0.1)
  config.evaluation.metric = 'cosine'
  common.claim(config, {'rank1': 55.9, 'mAP': 46.7})
  return config
