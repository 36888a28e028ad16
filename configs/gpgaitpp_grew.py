r"""GPGait++ on skeletons of GREW: 20,000 people train, 6,000 test.

Paper: https://ieeexplore.ieee.org/document/11029177 and FastPoseGait's
  gpgait++_GREW.yaml: 60 frames in their order, all triplets, identities weigh
  0.1.
Cost: not run; meant for several accelerators.
Expected: unknown; its authors' code comes without figures.

The test's answers are withheld: the evaluation is grew_local, a stand-in.
--config.evaluation.protocol=grew writes the file to be submitted.

  python launch.py --config=configs/gpgaitpp_grew.py \
      --workdir=runs/gpgaitpp_grew
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.grew('grew_pose', keypoints=dict())
  config.dataset.update(variant='hrnet', cache='ram')
  config.total_steps = 200_000
  config.batch.update(subjects=32, sequences=8, frames=60)
  upright = dict(name='straighten')
  config.augment = (upright, *recipes.gpgait_features())
  config.model_name = 'gpgaitpp'  # gaitgs_jax/models/gpgaitpp.py
  config.model = dict(channels=(64, 128, 128, 128, 128, 256, 256))
  config.model.update(masked=False, dropout=0.1, dtype='float32')
  config.losses.triplet = dict(weight=1.0, margin=0.3)
  config.losses.identity = dict(weight=0.1, scale=16.0, smoothing=0.1)
  recipes.fastpose_rate(config, rise=0.475, divide_last=1e4)
  config.evaluation.transform = config.augment
  return config
