r"""CSTL on CASIA-B silhouettes of 128x88, 73 training and 50 test subjects.

Follows Huang et al., ICCV 2021, and https://github.com/OliverHxh/CSTL
(published Rank-1: NM 98.0, BG 95.4, CL 87.0 at 128x88); differs from
cstl_casia_b.py in the size of the frames and the parts, one for each row of the
maps. Not run here, because the dataset is licensed; data/README.md says how to
get it. Four times the work of cstl_casia_b.py. To run:

  python launch.py --config=configs/cstl_casia_b_128.py \
      --workdir=runs/cstl_casia_b_128

Any field can be set from the shell: --config.optimizer.learning_rate=3e-4
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
  config = ConfigDict()
  config.seed = 0
  config.total_steps = 150_000
  config.log_every = 100
  config.tensorboard = True

  config.dataset = dict(
    name='casia_b',
    variant='',  # That of the height of the frames.
    format='tfds',  # Or 'opengait': a tree of pickles at root, read in place.
    root='',  # Where TFDS keeps its data.
    cache='',  # 'ram' reads every sequence once.
    partition='casia_b_73',  # Without subject 005, as published.
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

  config.model_name = 'cstl'  # gaitgs_jax/models/cstl.py
  config.model = dict(
    channels=(32, 64, 128),
    parts=64,
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
    model_name='cstl',
    size=(128, 88),
    numbers={'NM/rank1': 98.0, 'BG/rank1': 95.4, 'CL/rank1': 87.0},
  )
  config.checkpoint = dict(every_steps=1_000)
  config.mesh = dict(data=-1, model=1)
  return config
