r"""The small GaitGS that comes with the package: synthetic walkers alone.

Paper: https://arxiv.org/abs/2305.19700; a quarter of its channels.
Cost: 20 minutes on one core.
Expected: docs/weights.md, which compares it on real people.

  python -m gaitgs_jax prepare --dataset=synthetic_walkers --variant=wild \
      --root=runs/data
  python launch.py --config=configs/gaitgs_synthetic.py \
      --workdir=runs/gaitgs_synthetic
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common


def get_config() -> ConfigDict:
  config = common.synthetic_walkers('wild')
  config.total_steps = 2_000
  config.log_every = 20
  config.dataset.update(root='runs/data', cache='ram')
  # Two clips of a walk are alike, and no two walks are: clothes, bag and camera
  # differ. Frames that are left out make cameras of fewer frames a second.
  config.batch.update(sampler='pairs', sequences=32, frames=9, skip=3)
  config.augment = (
    dict(name='shift', share=0.03, probability=0.5),
    dict(name='random_erasing', area=(0.02, 0.12), probability=0.3),
  )
  config.model_name = 'gaitgs'  # gaitgs_jax/models/gaitgs.py
  config.model = dict(channels=(8, 16, 32), parts=8, strips=2, features=64)
  config.model.update(heads=2, depth=1, dropout=0.0, dtype='float32')
  # 16 x 11 pixels: the gait energy image finds as many people at this size.
  config.model.shrink = 4
  config.losses.triplet = dict(weight=1.0, margin=0.25, labels='sequence')
  config.losses.view = dict(weight=0.1)
  config.optimizer = dict(name='adam', learning_rate=3e-3, weight_decay=0.0)
  config.schedule = dict(name='cosine', warmup_steps=50)
  config.evaluation.update(every_steps=2_000, batch_frames=600)
  config.evaluation.verification = True  # Thresholds for galleries.
  config.checkpoint.every_steps = 100
  return config
