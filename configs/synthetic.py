"""GaitGS on as many synthetic walkers as CASIA-B has people: 74 and 50.

The recipe of casia_b.py with its published hyper-parameters
(https://arxiv.org/abs/2305.19700) on data that everybody can make, to check a
machine, a change or a speed at full size; no published number belongs to it.
docs/results.md says what was measured. To run on one accelerator of 16 GB or
more:

  python -m gaitgs_jax prepare --dataset=synthetic_walkers --variant=full
  python launch.py --config=configs/synthetic.py --workdir=runs/synthetic

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
    name='synthetic_walkers',
    variant='full',
    format='tfds',
    root='',  # Where TFDS keeps its data.
    cache='',  # 'ram' reads every sequence once.
    partition='',  # The published one.
    on_error='raise',
  )
  config.inputs = dict(silhouettes=dict(size=(64, 44)))
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
    batch_frames=1_600,
    frames_max=0,  # All.
    untrained=True,
    baseline=True,
    transform=(),
  )
  config.checkpoint = dict(every_steps=1_000)
  config.mesh = dict(data=-1, model=1)
  return config
