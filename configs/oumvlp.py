"""GaitGS on OU-MVLP silhouettes, 5,153 training and 5,154 test subjects.

Follows https://arxiv.org/abs/2305.19700 (published Rank-1: 97.6 at 64x44,
probes without a counterpart in the gallery excluded; both ways of counting are
printed). 115 M parameters, 84 M of them the identity head, which
config.mesh.model splits over devices. Not run here, because the dataset is
licensed; data/README.md says how to get it. To run, say on eight accelerators:

  python launch.py --config=configs/oumvlp.py --workdir=runs/oumvlp

Any field can be set from the shell: --config.mesh.model=2
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
  config = ConfigDict()
  config.seed = 0
  config.total_steps = 210_000
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

  config.model_name = 'gaitgs'  # gaitgs_jax/models/gaitgs.py
  config.model = dict(
    channels=(32, 64, 128, 256),
    parts=32,
    strips=2,
    dtype='bfloat16',  # Published: float16 and a scaled loss; docs/porting.md
  )

  config.losses = dict(
    triplet=dict(weight=1.0, margin=0.25),
    view=dict(weight=0.2),
    identity=dict(weight=1.0, scale=16.0, smoothing=0.1),
  )
  config.optimizer = dict(name='adam', learning_rate=1e-4, weight_decay=5e-4)
  config.schedule = dict(name='step', boundaries=(150_000, 200_000), factor=0.1)
  config.average = dict(start=1.0, every=1, statistics_steps=0)  # Never.

  config.evaluation = dict(
    protocol='oumvlp',
    metric='euclidean',
    dtype='float32',  # Whatever config.model.dtype trains in.
    every_steps=30_000,
    batch_frames=1_600,
    frames_max=720,  # As published.
    untrained=False,
    baseline=False,
    transform=(),
  )
  config.published = dict(
    protocol='oumvlp',
    dataset='oumvlp',
    model_name='gaitgs',
    size=(64, 44),
    numbers={'NM/rank1_excluding_invalid': 97.6},
  )
  config.checkpoint = dict(every_steps=1_000)
  config.mesh = dict(data=-1, model=1)
  return config
