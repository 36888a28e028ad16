r"""A small GaitGS on synthetic walkers: the whole path in minutes on a laptop.

The model of https://arxiv.org/abs/2305.19700 with a quarter of the channels;
docs/results.md says what it reaches on unseen subjects, beside the untrained
network and the gait energy image. `make demo` runs it, or:

  python -m gaitgs_jax prepare --dataset=synthetic_walkers --variant=demo \
      --root=runs/data
  python launch.py --config=configs/demo.py --workdir=runs/demo

Any field can be set from the shell: --config.total_steps=1000
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
  config = ConfigDict()
  config.seed = 0
  config.total_steps = 360
  config.log_every = 10
  config.tensorboard = True

  config.dataset = dict(
    name='synthetic_walkers',
    variant='demo',
    format='tfds',
    root='runs/data',
    cache='ram',
    partition='',  # The published one.
    on_error='raise',
  )
  config.inputs = dict(silhouettes=dict(size=(64, 44)))
  config.batch = dict(
    sampler='pk',
    subjects=8,
    sequences=4,
    frames=12,
    frames_rule='fixed',
    order='ordered',
  )
  config.accumulate = 1  # Parts that a batch is computed in, for memory.
  config.remat = 'none'  # none, stem or all: computed again, for memory.
  config.augment = ()

  config.model_name = 'gaitgs'  # gaitgs_jax/models/gaitgs.py
  config.model = dict(
    channels=(8, 16, 32),
    parts=16,
    strips=4,
    features=64,
    heads=4,
    depth=1,
    shrink=2,  # 32 x 22 pixels: four times the steps in the same time.
    dropout=0.0,
    dtype='float32',
  )

  config.losses = dict(
    triplet=dict(weight=1.0, margin=0.25), view=dict(weight=0.2)
  )
  config.optimizer = dict(name='adam', learning_rate=2e-3, weight_decay=0.0)
  config.schedule = dict(name='cosine', warmup_steps=30)
  config.average = dict(start=1.0, every=1, statistics_steps=0)  # Never.

  config.evaluation = dict(
    protocol='casia_b',
    metric='euclidean',
    dtype='float32',  # Whatever config.model.dtype trains in.
    every_steps=360,
    batch_frames=600,
    frames_max=0,  # All.
    untrained=True,
    baseline=True,
    transform=(),
  )
  config.checkpoint = dict(every_steps=100)
  config.mesh = dict(data=-1, model=1)
  return config
