r"""GPGait on skeletons of GREW: 20,000 people train, 6,000 test.

Paper: https://arxiv.org/abs/2303.05234 and FastPoseGait's gpgait_GREW.yaml:
  frames are a set, spines made vertical, identities weigh 0.1.
Cost: not run; meant for several accelerators.
Expected: Rank-1 57.0 of the submission, as FastPoseGait publishes; its file
  tests the weights after 150,000 steps.

The test's answers are withheld: the evaluation is grew_local, a stand-in.
--config.evaluation.protocol=grew writes the file to be submitted.

  python launch.py --config=configs/gpgait_grew.py \
      --workdir=runs/gpgait_grew
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.grew('grew_pose', keypoints=dict())
  config.dataset.update(variant='hrnet', cache='ram')
  config.total_steps = 200_000
  config.batch.update(subjects=32, sequences=8, frames=60, order='unordered')
  upright = dict(name='straighten')
  config.augment = (upright, *recipes.gpgait_augment(swapped=0.01))
  config.model_name = 'gpgait'  # gaitgs_jax/models/gpgait.py
  config.model = dict(channels=(64, 128, 128, 128, 128, 256, 256))
  config.model.update(shared=3, dtype='float32')
  config.losses.triplet = dict(weight=1.0, margin=0.3)
  config.losses.identity = dict(weight=0.1, scale=16.0, smoothing=0.1)
  recipes.fastpose_rate(config, rise=0.475, divide_last=1e4)
  config.evaluation.transform = (upright, *recipes.gpgait_features())
  common.claim(config, {'rank1': 57.04}, protocol='grew')
  return config
