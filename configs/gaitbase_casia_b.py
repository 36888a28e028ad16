r"""GaitBase on CASIA-B silhouettes, 74 training and 50 test subjects.

Follows https://arxiv.org/abs/2211.06597 and OpenGait's gaitbase_da_casiab.yaml
(published Rank-1: NM 97.6, BG 94.0, CL 77.4). Not run here, because the dataset
is licensed; data/README.md says how to get it. Meant for several accelerators;
on one, config.accumulate and config.remat='stem' save memory. To run:

  python launch.py --config=configs/gaitbase_casia_b.py \
    --workdir=runs/gaitbase_casia_b

Any field can be set from the shell: --config.optimizer.learning_rate=0.05
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
  config = ConfigDict()
  config.seed = 0
  config.total_steps = 60_000
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
  config.inputs = dict(silhouettes=dict(size=(64, 44)))
  config.batch = dict(
    sampler='pk',
    subjects=8,
    sequences=16,
    frames=30,
    frames_rule='fixed',
    order='unordered',
  )
  config.accumulate = 1  # Parts that a batch is computed in, for memory.
  config.remat = 'none'  # none, stem or all: computed again, for memory.
  config.augment = (
    dict(name='rotation', probability=0.3),
    dict(name='random_erasing', probability=0.3),
  )

  config.model_name = 'gaitbase'  # gaitgs_jax/models/gaitbase.py
  config.model = dict(
    channels=(64, 128, 256, 512),
    bins=(16,),
    dtype='bfloat16',  # Published: float16 and a scaled loss; docs/porting.md
  )

  config.losses = dict(
    triplet=dict(weight=1.0, margin=0.2),
    identity=dict(weight=1.0, scale=16.0, smoothing=0.1),
  )
  config.optimizer = dict(
    name='sgd', learning_rate=0.1, momentum=0.9, weight_decay=5e-4
  )
  config.schedule = dict(
    name='step', boundaries=(20_000, 40_000, 50_000), factor=0.1
  )
  config.average = dict(start=1.0, every=1, statistics_steps=0)  # Never.

  config.evaluation = dict(
    protocol='casia_b',
    metric='euclidean',
    dtype='float32',  # Whatever config.model.dtype trains in.
    every_steps=10_000,
    batch_frames=1_600,
    frames_max=720,
    untrained=False,
    baseline=False,
    transform=(),
  )
  config.published = dict(
    protocol='casia_b',
    dataset='casia_b',
    model_name='gaitbase',
    size=(64, 44),
    numbers={'NM/rank1': 97.6, 'BG/rank1': 94.0, 'CL/rank1': 77.4},
  )
  config.checkpoint = dict(every_steps=1_000)
  config.mesh = dict(data=-1, model=1)
  return config
