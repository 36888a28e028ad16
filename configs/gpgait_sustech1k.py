r"""GPGait on skeletons of SUSTech1K: 250 people train, 800 test.

Paper: https://arxiv.org/abs/2303.05234 and FastPoseGait's
  gpgait_SUSTech1K.yaml: frames are a set, hardest triplets alone, spines as
  they are.
Cost: not run.
Expected: Rank-1 47.4 overall, as FastPoseGait publishes of ViTPose's
  skeletons.

Skeletons are read in place from the released tree at config.dataset.root.
config.dataset.partition=SUSTech1K.json: its authors' file names who trains.

  python launch.py --config=configs/gpgait_sustech1k.py \
      --workdir=runs/gpgait_sustech1k
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.run('sustech1k', keypoints=dict())
  config.dataset.update(format='opengait', cache='ram')
  config.total_steps = 40_000
  config.batch.update(subjects=8, sequences=8, frames=60, order='unordered')
  scale = dict(name='rescale_centre', height=225.0, centre='neck')
  features = dict(name='bones_and_angles')
  config.augment = (scale, features)
  config.model_name = 'gpgait'  # gaitgs_jax/models/gpgait.py
  config.model = dict(channels=(64, 64, 128, 256), shared=3)
  config.model.dtype = 'float32'
  config.losses.triplet = dict(weight=1.0, margin=0.3, hardest=True)
  config.losses.identity = dict(weight=1.0, scale=16.0, smoothing=0.0)
  config.optimizer = dict(name='adam', learning_rate=1e-3, weight_decay=2e-5)
  config.optimizer.beta1 = 'one_cycle'
  config.schedule = dict(name='one_cycle', rise=0.5, three_phases=True)
  config.schedule.update(divide_first=100.0, divide_last=1e4)
  config.evaluation.transform = config.augment
  rank1 = (49.91, 46.91, 33.06, 45.79, 40.82, 51.70, 66.57, 30.81, 47.38)
  recipes.claim_sustech1k(config, rank1)
  return config
