"""GaitGS on as many synthetic walkers as CASIA-B has people: 74 and 50.

Paper: https://arxiv.org/abs/2305.19700; the recipe of casia_b.py on data that
  everybody can make, to check a machine, a change or a speed at full size.
Cost: not run to its end; meant for one accelerator of 16 GB or more.
Expected: unknown; no published number belongs to it.

  python -m gaitgs_jax prepare --dataset=synthetic_walkers --variant=full
  python launch.py --config=configs/synthetic.py --workdir=runs/synthetic
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common


def get_config() -> ConfigDict:
  config = common.synthetic_walkers('full')
  config.total_steps = 80_000
  config.batch.update(subjects=8, sequences=8, frames=30)
  config.model_name = 'gaitgs'  # gaitgs_jax/models/gaitgs.py
  config.model = dict(channels=(32, 64, 128), parts=32, strips=8)
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  config.losses.triplet = dict(weight=1.0, margin=0.25)
  config.losses.view = dict(weight=0.2)
  config.optimizer = dict(name='adam', learning_rate=1e-4, weight_decay=5e-4)
  config.schedule = dict(name='step', boundaries=(70_000,), factor=0.1)
  return config
