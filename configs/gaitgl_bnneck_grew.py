r"""GaitGL (BNNeck) on silhouettes of GREW: 20,000 people train, 6,000 test.

Paper: https://arxiv.org/abs/2011.01461, in OpenGait's gaitgl_GREW_BNNeck.yaml
Cost: not run; meant for several accelerators.
Expected: Rank-1 51.7 of the submission, as OpenGait publishes.

The test's answers are withheld: the evaluation is grew_local, a stand-in.
--config.evaluation.protocol=grew writes the file to be submitted.

  python launch.py --config=configs/gaitgl_bnneck_grew.py \
      --workdir=runs/gaitgl_bnneck_grew
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common


def get_config() -> ConfigDict:
  config = common.grew(silhouettes=dict(size=(64, 44)))
  config.total_steps = 250_000
  config.batch.update(subjects=32, sequences=4, frames=30)
  config.model_name = 'gaitgl'  # gaitgs_jax/models/gaitgl.py
  config.model = dict(channels=(32, 64, 128, 256), depth=2, strips=2)
  config.model.neck = 'cosine'
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  config.losses.triplet = dict(weight=1.0, margin=0.2)
  config.losses.identity = dict(weight=1.0, scale=1.0, smoothing=0.1)
  config.optimizer = dict(name='adam', learning_rate=1e-4, weight_decay=0.0)
  config.schedule = dict(name='step', boundaries=(150_000, 200_000), factor=0.1)
  common.claim(config, {'rank1': 51.7}, protocol='grew')
  return config
