r"""A small GaitGraph2 on the skeletons of synthetic walkers, in minutes.

The model of https://arxiv.org/abs/2204.07855 with half the channels;
docs/results.md says what it reaches on unseen subjects, beside the untrained
network and the mean skeleton. To run:

  python -m gaitgs_jax prepare --dataset=synthetic_walkers_pose \
      --variant=demo --root=runs/data
  python launch.py --config=configs/demo_pose.py --workdir=runs/demo_pose

Any field can be set from the shell: --config.total_steps=1000
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
  config = ConfigDict()
  config.seed = 0
  config.total_steps = 300
  config.log_every = 10
  config.tensorboard = True

  config.dataset = dict(
    name='synthetic_walkers_pose',
    variant='demo',
    format='tfds',
    root='runs/data',
    cache='ram',
    partition='',  # The published one.
    on_error='raise',
  )
  config.inputs = dict(keypoints=dict())  # All joints.
  config.batch = dict(
    sampler='pk',
    subjects=16,
    sequences=4,
    frames=24,
    frames_rule='fixed',
    order='ordered',
  )
  config.accumulate = 1  # Parts that a batch is computed in, for memory.
  config.remat = 'none'  # none, stem or all: computed again, for memory.
  config.augment = (
    dict(name='repair'),
    dict(name='reverse', probability=0.5),
    dict(name='swap_sides', probability=0.5),
    dict(name='joint_noise', scale=0.1),
    dict(name='point_noise', scale=0.05),
    dict(name='move', x=3.0, y=1.0),
  )

  config.model_name = 'gaitgraph2'  # gaitgs_jax/models/gaitgraph2.py
  config.model = dict(
    joined=True,
    blocks=(1, 1, 1),
    channels=(32, 16, 64, 128),
    reduction=4,
    features=128,
    dtype='float32',
  )

  config.losses = dict(supervised_contrastive=dict(weight=1.0, temperature=0.1))
  config.optimizer = dict(name='adamw', learning_rate=5e-3, weight_decay=1e-5)
  config.schedule = dict(name='one_cycle')
  config.average = dict(start=1.0, every=1, statistics_steps=0)  # Never.

  config.evaluation = dict(
    protocol='casia_b_pose',
    metric='cosine',
    dtype='float32',  # Whatever config.model.dtype trains in.
    every_steps=300,
    batch_frames=1_200,
    frames_max=0,  # All.
    untrained=True,
    baseline=True,
    transform=(dict(name='repair'),),
  )
  config.checkpoint = dict(every_steps=100)
  config.mesh = dict(data=-1, model=1)
  return config
