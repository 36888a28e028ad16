r"""GaitBase on silhouettes of GREW: 20,000 people train, 6,000 test.

Paper: https://arxiv.org/abs/2211.06597, in OpenGait's gaitbase_da_grew.yaml
Cost: not run; meant for several accelerators.
Expected: Rank-1 60.1 of the submission, as OpenGait publishes.

The test's answers are withheld: the evaluation is grew_local, a stand-in.
--config.evaluation.protocol=grew writes the file to be submitted.

  python launch.py --config=configs/gaitbase_grew.py \
      --workdir=runs/gaitbase_grew
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.grew(silhouettes=dict(size=(64, 44)))
  config.total_steps = 180_000
  config.batch.update(subjects=32, sequences=4, frames=30, order='unordered')
  config.batch.update(frames_rule='unfixed', frames_min=20, frames_max=40)
  config.augment = recipes.opengait_augment()
  config.model_name = 'gaitbase'  # gaitgs_jax/models/gaitbase.py
  config.model = dict(channels=(64, 128, 256, 512), bins=(16,))
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  recipes.opengait_training(config, boundaries=(80_000, 120_000, 150_000))
  config.evaluation.frames_max = 720
  common.claim(config, {'rank1': 60.1}, protocol='grew')
  return config
