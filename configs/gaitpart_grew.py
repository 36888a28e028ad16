r"""GaitPart on silhouettes of GREW: 20,000 people train, 6,000 test.

Paper: Fan et al., CVPR 2020, in OpenGait's gaitpart_GREW.yaml,
  https://github.com/ShiqiYu/OpenGait
Cost: not run; meant for several accelerators.
Expected: Rank-1 47.6 of the submission, as OpenGait publishes.

The test's answers are withheld: the evaluation is grew_local, a stand-in.
--config.evaluation.protocol=grew writes the file to be submitted.

  python launch.py --config=configs/gaitpart_grew.py \
      --workdir=runs/gaitpart_grew
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common


def get_config() -> ConfigDict:
  config = common.grew(silhouettes=dict(size=(64, 44)))
  config.total_steps = 250_000
  config.batch.update(subjects=32, sequences=4, frames=30, skip=10)
  config.model_name = 'gaitpart'  # gaitgs_jax/models/gaitpart.py
  config.model = dict(channels=(32, 64, 128, 256), strips=(1, 1, 8, 8))
  config.model.features = 256
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  config.losses.triplet = dict(weight=1.0, margin=0.2)
  config.optimizer = dict(name='adam', learning_rate=1e-4, weight_decay=0.0)
  config.schedule = dict(name='step', boundaries=(150_000,), factor=0.1)
  common.claim(config, {'rank1': 47.6}, protocol='grew')
  return config
