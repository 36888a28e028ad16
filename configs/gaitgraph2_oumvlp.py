r"""GaitGraph2 on OUMVLP-Pose, 5,153 training and 5,154 test subjects.

Follows https://arxiv.org/abs/2204.07855 and its released code: a deeper
network of three branches, 750 epochs of batches of 768 sequences, most of them
without another of their subject. From the end of epoch 599 the rate is held,
and the weights at the start of each epoch are averaged; then one epoch gives
the statistics of BatchNorm. Not run here, because the dataset is licensed;
data/README.md says how to get it. The keypoints are AlphaPose's, or OpenPose's
with --config=configs/gaitgraph2_oumvlp.py:openpose. To run:

  python launch.py --config=configs/gaitgraph2_oumvlp.py \
      --workdir=runs/gaitgraph2_oumvlp

Any field can be set from the shell: --config.optimizer.learning_rate=3e-3
"""

from ml_collections import ConfigDict

_EPOCH = 174  # Batches of 768 in about 133,000 sequences.
_AVERAGED = 599 / 750  # From where on, as a part of the run.


def get_config(keypoints: str = 'alphapose') -> ConfigDict:
  config = ConfigDict()
  config.seed = 0
  config.total_steps = 750 * _EPOCH
  config.log_every = 25
  config.tensorboard = True

  config.dataset = dict(
    name='oumvlp_pose',
    variant=keypoints,
    format='tfds',  # Or 'opengait': a tree of pickles at root, read in place.
    root='',  # Where TFDS keeps its data.
    cache='ram',  # All sequences together are about 1.5 GB.
    partition='',  # The published one.
    on_error='raise',
  )
  config.inputs = dict(keypoints=dict())  # All joints.
  config.batch = dict(
    sampler='instances',  # All sequences alike, whoever walks.
    sequences=768,
    frames=30,
    frames_rule='all',  # Whole sequences, of which 30 frames are cut out below.
    order='ordered',
  )
  config.accumulate = 1  # Parts that a batch is computed in, for memory.
  config.remat = 'none'  # none, stem or all: computed again, for memory.
  config.augment = (
    dict(name='reflect', frames=30),
    dict(name='reverse', probability=0.5),
    dict(name='random_frames', frames=30),
    dict(name='swap_sides', probability=0.5),
    dict(name='joint_noise', scale=0.1),
    dict(name='point_noise', scale=0.05),
    dict(name='move', x=3.0, y=1.0),
  )

  config.model_name = 'gaitgraph2'  # gaitgs_jax/models/gaitgraph2.py
  config.model = dict(
    joined=False,
    blocks=(2, 3, 3),
    reduction=4,
    features=128,
    convention='original',
    test_time=True,
    dtype='float32',
  )

  config.losses = dict(
    supervised_contrastive=dict(weight=1.0, temperature=0.01)
  )
  config.optimizer = dict(
    name='adam', learning_rate=5e-3, weight_decay=0.0, beta1='one_cycle'
  )
  config.schedule = dict(name='one_cycle', hold=_AVERAGED)
  config.average = dict(start=_AVERAGED, every=_EPOCH, statistics_steps=_EPOCH)

  config.evaluation = dict(
    protocol='oumvlp_pose',
    metric='cosine',
    dtype='float32',  # Whatever config.model.dtype trains in.
    every_steps=75 * _EPOCH,
    batch_frames=6_400,
    frames_max=0,  # All.
    untrained=False,
    baseline=False,
    # Missing joints are repaired here and not in training, as published.
    transform=(
      dict(name='repair'),
      dict(name='reflect', frames=30),
      dict(name='middle_frames', frames=30),
    ),
  )
  config.checkpoint = dict(every_steps=5 * _EPOCH)
  config.mesh = dict(data=-1, model=1)
  return config
