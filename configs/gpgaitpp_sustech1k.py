r"""GPGait++ on skeletons of SUSTech1K: 250 people train, 800 test.

Paper: https://ieeexplore.ieee.org/document/11029177 and FastPoseGait's
  gpgait++_SUSTech1K.yaml: 30 frames in their order, hardest triplets alone.
  Its own file evaluates by CCPG's rules; this one does not.
Cost: not run.
Expected: unknown; its authors' code comes without figures.

Skeletons are read in place from the released tree at config.dataset.root.
config.dataset.partition=SUSTech1K.json: its authors' file names who trains.

  python launch.py --config=configs/gpgaitpp_sustech1k.py \
      --workdir=runs/gpgaitpp_sustech1k
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.run('sustech1k', keypoints=dict())
  config.dataset.update(format='opengait', cache='ram')
  config.total_steps = 40_000
  config.batch.update(subjects=8, sequences=8, frames=30)
  upright = dict(name='straighten')
  config.augment = (upright, *recipes.gpgait_features())
  config.model_name = 'gpgaitpp'  # gaitgs_jax/models/gpgaitpp.py
  config.model = dict(channels=(64, 64, 128, 256))
  config.model.update(masked=False, dropout=0.1, dtype='float32')
  config.losses.triplet = dict(weight=1.0, margin=0.3, hardest=True)
  config.losses.identity = dict(weight=1.0, scale=16.0, smoothing=0.0)
  recipes.fastpose_rate(config, rise=0.475, divide_last=1e4)
  config.evaluation.transform = config.augment
  return config
