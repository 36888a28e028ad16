r"""GaitGraph2 on CASIA-B skeletons, 74 training and 50 test subjects.

Follows https://arxiv.org/abs/2204.07855 and its released code: one branch
(config.model.joined=False makes it three), 200 epochs, batches of 768
sequences. Not run here, because the dataset is licensed; data/README.md says
how to get it. To run:

  python launch.py --config=configs/gaitgraph2_casia_b.py \
      --workdir=runs/gaitgraph2_casia_b

Any field can be set from the shell: --config.optimizer.learning_rate=3e-3
"""

from ml_collections import ConfigDict

_EPOCH = 11  # Batches of 768 in at most 74 x 110 sequences.


def get_config() -> ConfigDict:
  config = ConfigDict()
  config.seed = 0
  config.total_steps = 200 * _EPOCH
  config.log_every = 5
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
    sequences=768,
    frames=60,
    frames_rule='all',  # Whole sequences, of which 60 frames are cut out below.
    order='ordered',
  )
  config.accumulate = 1  # Parts that a batch is computed in, for memory.
  config.remat = 'none'  # none, stem or all: computed again, for memory.
  config.augment = (
    dict(name='reflect', frames=60),
    dict(name='reverse', probability=0.5),
    dict(name='random_frames', frames=60),
    dict(name='swap_sides', probability=0.5),
    dict(name='joint_noise', scale=0.1),
    dict(name='point_noise', scale=0.05),
    dict(name='move', x=3.0, y=1.0),
  )

  config.model_name = 'gaitgraph2'  # gaitgs_jax/models/gaitgraph2.py
  config.model = dict(
    joined=True,
    blocks=(1, 1, 1),
    reduction=8,
    features=128,
    convention='original',
    test_time=True,
    dtype='float32',
  )

  config.losses = dict(
    supervised_contrastive=dict(weight=1.0, temperature=0.01)
  )
  config.optimizer = dict(
    name='adamw', learning_rate=5e-3, weight_decay=1e-5, beta1='one_cycle'
  )
  config.schedule = dict(name='one_cycle')
  config.average = dict(start=1.0, every=1, statistics_steps=0)  # Never.

  config.evaluation = dict(
    protocol='casia_b_pose',
    metric='cosine',
    dtype='float32',  # Whatever config.model.dtype trains in.
    every_steps=20 * _EPOCH,
    batch_frames=25_000,
    frames_max=0,  # All.
    untrained=False,
    baseline=False,
    transform=(
      dict(name='reflect', frames=60),
      dict(name='middle_frames', frames=60),
    ),
  )
  config.published = dict(
    protocol='casia_b_pose',
    dataset='casia_b_pose',
    model_name='gaitgraph2',
    size=(17, 3),
    numbers={'NM/rank1': 82.0, 'BG/rank1': 73.2, 'CL/rank1': 63.6},
  )
  config.checkpoint = dict(every_steps=20 * _EPOCH)
  config.mesh = dict(data=-1, model=1)
  return config
