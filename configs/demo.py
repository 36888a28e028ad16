r"""A small GaitGS on synthetic walkers: the whole path in minutes on a laptop.

Paper: https://arxiv.org/abs/2305.19700; a quarter of its channels.
Cost: 5 minutes on two cores; `make demo` runs it.
Expected: Rank-1 NM 84 to 91, BG 77 to 83, CL 71 to 79 on unseen people;
  docs/results.md compares with the untrained network and a baseline.

  python -m gaitgs_jax prepare --dataset=synthetic_walkers --variant=demo \
      --root=runs/data
  python launch.py --config=configs/demo.py --workdir=runs/demo
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common


def get_config() -> ConfigDict:
  config = common.synthetic_walkers('demo')
  config.total_steps = 360
  config.log_every = 10
  config.dataset.update(root='runs/data', cache='ram')
  config.batch.update(subjects=8, sequences=4, frames=12)
  config.model_name = 'gaitgs'  # gaitgs_jax/models/gaitgs.py
  config.model = dict(channels=(8, 16, 32), parts=16, strips=4, features=64)
  config.model.update(heads=4, depth=1, dropout=0.0, dtype='float32')
  config.model.shrink = 2  # 32 x 22 pixels: four times the steps in a time.
  config.losses.triplet = dict(weight=1.0, margin=0.25)
  config.losses.view = dict(weight=0.2)
  config.optimizer = dict(name='adam', learning_rate=2e-3, weight_decay=0.0)
  config.schedule = dict(name='cosine', warmup_steps=30)
  config.evaluation.update(every_steps=360, batch_frames=600)
  config.evaluation.verification = True
  config.checkpoint.every_steps = 100
  return config
