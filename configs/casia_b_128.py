"""GaitGS on CASIA-B silhouettes of 128x88, 74 training and 50 test subjects.

Follows https://arxiv.org/abs/2305.19700 (published Rank-1: NM 98.2, BG 96.5,
CL 89.7 at 128x88); differs from casia_b.py in the size of the frames alone.
Not run here, because the dataset is licensed; data/README.md says how to get
it. Four times the work of casia_b.py. To run:

  python launch.py --config=configs/casia_b_128.py --workdir=runs/casia_b_128

Any field can be set from the shell: --config.optimizer.learning_rate=3e-4
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
  config = ConfigDict()
  config.seed = 0
  config.total_steps = 80_000
  config.log_every = 100
  config.tensorboard = True

  config.dataset = dict(
    name='casia_b',
    variant='',  # That of the height of the frames.
    format='tfds',  # Or 'opengait': a tree of pickles at root, read in place.
    root='',  # Where TFDS keeps its data.
    cache='',  # 'ram' reads every sequence once.
    partition='',  # The published one.
    on_error='raise',
  )
  config.inputs = dict(silhouettes=dict(size=(128, 88)))
  config.batch = dict(
    sampler='pk',
    subjects=8,
    sequences=8,
    frames=30,
    frames_rule='fixed',
    order='ordered',
  )
  config.accumulate = 1  # Parts that a batch is computed in, for memory.
  config.remat = 'none'  # none, stem or all: computed again, for memory.
  config.augment = ()

  config.model_name = 'gaitgs'  # gaitgs_jax/models/gaitgs.py
  config.model = dict(
    channels=(32, 64, 128),
    parts=32,
    dtype='bfloat16',  # Published: float16 and a scaled loss; docs/porting.md
  )

  config.losses = dict(
    triplet=dict(weight=1.0, margin=0.25), view=dict(weight=0.2)
  )
  config.optimizer = dict(name='adam', learning_rate=1e-4, weight_decay=5e-4)
  config.schedule = dict(name='step', boundaries=(70_000,), factor=0.1)
  config.average = dict(start=1.0, every=1, statistics_steps=0)  # Never.

  config.evaluation = dict(
    protocol='casia_b',
    metric='euclidean',
    dtype='float32',  # Whatever config.model.dtype trains in.
    every_steps=10_000,
    batch_frames=800,
    frames_max=0,  # All.
    untrained=False,
    baseline=False,
    transform=(),
  )
  config.published = dict(
    protocol='casia_b',
    dataset='casia_b',
    model_name='gaitgs',
    size=(128, 88),
    numbers={'NM/rank1': 98.2, 'BG/rank1': 96.5, 'CL/rank1': 89.7},
  )
  config.checkpoint = dict(every_steps=1_000)
  config.mesh = dict(data=-1, model=1)
  return config
