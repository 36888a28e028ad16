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

from gaitgs_jax.configs import common


def get_config() -> ConfigDict:
  config = common.grew('grew_pose', keypoints=dict())
  config.dataset.update(variant='hrnet', cache='ram')
  config.total_steps = 150_000
  config.batch.update(subjects=32, sequences=8, frames=60)
  features = dict(name='motion_and_bones', convention='opengait')
  config.augment = (
    dict(name='point_noise', scale=0.3, normal=True, clip=False),
    dict(name='swap_sides', probability=0.1, per='frame'),
    dict(name='joint_noise', scale=0.3, normal=True),
    features,
  )
  config.model_name = 'gaittr'  # gaitgs_jax/models/gaittr.py
  config.model = dict(channels=(64, 64, 128, 256), features=256)
  config.model.update(dropout=0.1, dtype='float32')
  config.losses.triplet = dict(weight=1.0, margin=0.3)
  config.optimizer = dict(name='adam', learning_rate=1e-3, weight_decay=2e-5)
  config.optimizer.beta1 = 'one_cycle'
  config.schedule = dict(name='one_cycle', rise=0.475, three_phases=True)
  config.schedule.update(divide_first=100.0, divide_last=1000.0)
  config.evaluation.transform = (features,)
  common.claim(config, {'rank1': 48.6}, protocol='grew')
  return config
