r"""The small GaitGraph2 that comes with the package: synthetic walkers alone.

Paper: https://arxiv.org/abs/2204.07855; half its channels.
Cost: 50 minutes on one core.
Expected: docs/weights.md, which compares it on real people.

  python -m gaitgs_jax prepare --dataset=synthetic_walkers_pose \
      --variant=street --root=runs/data
  python launch.py --config=configs/gaitgraph2_synthetic.py \
      --workdir=runs/gaitgraph2_synthetic
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common


def get_config() -> ConfigDict:
  config = common.synthetic_walkers_pose('street')
  config.total_steps = 3_000
  config.log_every = 20
  config.dataset.update(root='runs/data', cache='ram')
  # Two clips of a walk are alike, and no two walks are, as in gaitgs_synthetic.
  # Common frames would have the detector's errors in common, and sequences of
  # several cameras would be told apart by these.
  config.batch.update(sampler='pairs', sequences=54, scenes=2, apart=True)
  config.batch.update(frames=24, skip=4)
  # People are of any size in pixels.
  standard = (dict(name='repair'), dict(name='rescale_centre', height=10.0))
  config.augment = (
    *standard,
    dict(name='joint_noise', scale=0.05),
    dict(name='point_noise', scale=0.05),
  )
  config.model_name = 'gaitgraph2'  # gaitgs_jax/models/gaitgraph2.py
  config.model = dict(joined=True, blocks=(1, 1, 1), reduction=4, features=128)
  config.model.update(channels=(32, 16, 64, 128), dtype='float32')
  config.losses.supervised_contrastive = dict(
    weight=1.0, temperature=0.1, labels='sequence'
  )
  config.optimizer = dict(name='adamw', learning_rate=5e-3, weight_decay=1e-5)
  config.schedule = dict(name='one_cycle')
  config.evaluation.update(metric='cosine', batch_frames=1_200)
  config.evaluation.every_steps = 1_000
  config.evaluation.verification = True  # Thresholds for galleries.
  config.evaluation.transform = standard
  config.checkpoint.every_steps = 100
  return config
