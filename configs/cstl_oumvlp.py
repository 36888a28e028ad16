"""CSTL on OU-MVLP silhouettes, 5,153 training and 5,154 test subjects.

After Huang et al., ICCV 2021 (published Rank-1: 90.2). The released code,
https://github.com/OliverHxh/CSTL, has settings for CASIA-B alone: these are
they, with the 32 subjects in a batch that the field takes for this dataset. Not
run here, because the dataset is licensed; data/README.md says how to get it. To
run, say on four accelerators:

  python launch.py --config=configs/cstl_oumvlp.py --workdir=runs/cstl_oumvlp

Any field can be set from the shell: --config.batch.subjects=16
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
  config = ConfigDict()
  config.seed = 0
  config.total_steps = 150_000
  config.log_every = 100
  config.tensorboard = True

  config.dataset = dict(
    name='oumvlp',
    variant='',  # That of the height of the frames.
    format='tfds',  # Or 'opengait': a tree of pickles at root, read in place.
    root='',  # Where TFDS keeps its data.
    cache='',  # 'ram' reads every sequence once.
    partition='',  # The published one.
    on_error='raise',
  )
  config.inputs = dict(silhouettes=dict(size=(64, 44)))
  config.batch = dict(
    sampler='pk',
    subjects=32,
    sequences=8,
    frames=30,
    frames_rule='fixed',
    order='ordered',
  )
  config.accumulate = 1  # Parts that a batch is computed in, for memory.
  config.remat = 'none'  # none, stem or all: computed again, for memory.
  config.augment = ()

  config.model_name = 'cstl'  # gaitgs_jax/models/cstl.py
  config.model = dict(
    channels=(32, 64, 128),
    parts=32,
    dtype='float32',  # Trained in single precision, as published.
  )

  config.losses = dict(
    triplet=dict(weight=1.0, margin=0.2),
    identity=dict(weight=1.0, scale=1.0, smoothing=0.0),
  )
  config.optimizer = dict(name='adam', learning_rate=1e-4, weight_decay=0.0)
  config.schedule = dict(name='constant')
  config.average = dict(start=1.0, every=1, statistics_steps=0)  # Never.

  config.evaluation = dict(
    protocol='oumvlp',
    metric='euclidean',
    dtype='float32',  # Whatever config.model.dtype trains in.
    every_steps=30_000,
    batch_frames=1_600,
    frames_max=0,  # All.
    untrained=False,
    baseline=False,
    transform=(),
  )
  config.checkpoint = dict(every_steps=1_000)
  config.mesh = dict(data=-1, model=1)
  return config
