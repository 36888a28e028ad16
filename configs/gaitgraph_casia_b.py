r"""GaitGraph on CASIA-B skeletons, 74 training and 50 test subjects.

Follows https://arxiv.org/abs/2101.11228 as OpenGait trains it: two differently
changed copies of each of 128 sequences. There none has fewer than 60 frames;
here short sequences are repeated. Not run here, because the dataset is
licensed; data/README.md says how to get it. To run:

  python launch.py --config=configs/gaitgraph_casia_b.py \
      --workdir=runs/gaitgraph_casia_b

Any field can be set from the shell: --config.optimizer.learning_rate=3e-3
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
  config = ConfigDict()
  config.seed = 0
  config.total_steps = 6_000
  config.log_every = 100
  config.tensorboard = True

  config.dataset = dict(
    name='casia_b_pose',
    variant='hrnet',
    format='tfds',  # Or 'opengait': a tree of pickles at root, read in place.
    root='',  # Where TFDS keeps its data.
    cache='ram',  # All sequences together are about 200 MB.
    partition='',  # The published one.
    on_error='raise',
  )
  config.inputs = dict(keypoints=dict())  # All joints.
  config.batch = dict(
    sampler='instances',  # All sequences alike, whoever walks.
    sequences=128,
    frames=100,
    frames_rule='fixed',
    order='ordered',
  )
  config.accumulate = 1  # Parts that a batch is computed in, for memory.
  config.remat = 'none'  # none, stem or all: computed again, for memory.
  config.augment = (
    dict(name='copies', count=2),
    dict(name='reverse', probability=0.5),
    dict(name='random_frames', frames=60),
    dict(name='swap_sides', probability=0.1, per='frame'),
    dict(name='joint_noise', scale=0.2, normal=True),
    dict(name='point_noise', scale=0.05, normal=True, clip=False),
  )

  config.model_name = 'gaitgraph'  # gaitgs_jax/models/gaitgraph.py
  config.model = dict(
    blocks=(2, 2, 2),
    reduction=8,
    features=128,
    convention='opengait',
    test_time=True,
    dtype='float32',
  )

  config.losses = dict(
    supervised_contrastive=dict(
      weight=1.0,
      temperature=0.01,
      base_temperature=0.07,
      distance='dot',
      active_only=False,
    )
  )
  config.optimizer = dict(
    name='adam', learning_rate=0.01, weight_decay=1e-5, beta1='one_cycle'
  )
  config.schedule = dict(name='one_cycle')
  config.average = dict(start=1.0, every=1, statistics_steps=0)  # Never.

  config.evaluation = dict(
    protocol='casia_b_pose',
    metric='euclidean',
    dtype='float32',  # Whatever config.model.dtype trains in.
    every_steps=1_000,
    batch_frames=25_000,
    frames_max=0,  # All.
    untrained=False,
    baseline=False,
    transform=(dict(name='middle_frames', frames=60),),
  )
  config.checkpoint = dict(every_steps=1_000)
  config.mesh = dict(data=-1, model=1)
  return config
