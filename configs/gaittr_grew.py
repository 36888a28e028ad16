r"""GaitTR on skeletons of GREW: 20,000 people train, 6,000 test.

Paper: https://arxiv.org/abs/2204.03873, in OpenGait's gaittr_GREW.yaml
Cost: not run.
Expected: Rank-1 48.6 of the submission, as OpenGait publishes.

The test's answers are withheld: the evaluation is grew_local, a stand-in.
--config.evaluation.protocol=grew writes the file to be submitted.

  python launch.py --config=configs/gaittr_grew.py \
      --workdir=runs/gaittr_grew
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.grew('grew_pose', keypoints=dict())
  config.dataset.update(variant='hrnet', cache='ram')
  config.total_steps = 150_000
  config.batch.update(subjects=32, sequences=8, frames=60)
  features = dict(name='motion_and_bones', convention='opengait')
  config.augment = (*recipes.gaittr_augment(), features)
  config.model_name = 'gaittr'  # gaitgs_jax/models/gaittr.py
  config.model = dict(channels=(64, 64, 128, 256), features=256)
  config.model.update(dropout=0.1, dtype='float32')
  config.losses.triplet = dict(weight=1.0, margin=0.3)
  recipes.fastpose_rate(config, rise=0.475, divide_last=1000.0)
  config.evaluation.transform = (features,)
  common.claim(config, {'rank1': 48.6}, protocol='grew')
  return config
