r"""A small GaitGraph2 on the skeletons of synthetic walkers, in minutes.

Paper: https://arxiv.org/abs/2204.07855; half its channels.
Cost: 2 min 35 s on two cores.
Expected: Rank-1 NM 61 to 71, BG 53 to 61, CL 52 to 59 on unseen people;
  docs/results.md compares with the untrained network and a baseline.

  python -m gaitgs_jax prepare --dataset=synthetic_walkers_pose \
      --variant=demo --root=runs/data
  python launch.py --config=configs/demo_pose.py --workdir=runs/demo_pose
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.synthetic_walkers_pose('demo')
  config.total_steps = 300
  config.log_every = 10
  config.dataset.update(root='runs/data', cache='ram')
  config.batch.update(subjects=16, sequences=4, frames=24)
  config.augment = (
    dict(name='repair'),
    dict(name='reverse', probability=0.5),
    *recipes.pose_noise(),
  )
  config.model_name = 'gaitgraph2'  # gaitgs_jax/models/gaitgraph2.py
  config.model = dict(joined=True, blocks=(1, 1, 1), reduction=4, features=128)
  config.model.update(channels=(32, 16, 64, 128), dtype='float32')
  config.losses.supervised_contrastive = dict(weight=1.0, temperature=0.1)
  config.optimizer = dict(name='adamw', learning_rate=5e-3, weight_decay=1e-5)
  config.schedule = dict(name='one_cycle')
  config.evaluation.update(metric='cosine', every_steps=300, batch_frames=1_200)
  config.evaluation.transform = (dict(name='repair'),)
  config.checkpoint.every_steps = 100
  return config
