r"""GaitTR on CASIA-B skeletons, 74 training and 50 test subjects.

Paper: https://arxiv.org/abs/2204.03873 in FastPoseGait's gaittr.yaml: its
  features, batches of 4 x 64, hardest triplets alone. Skeletons are those of
  SimCC; with HRNet's the published mean is 90.2.
Cost: not run.
Expected: Rank-1 NM 94.9, BG 88.8, CL 90.3, as published.

  python launch.py --config=configs/gaittr_casia_b.py \
      --workdir=runs/gaittr_casia_b
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.casia_b_pose()
  config.dataset.variant = 'simcc'
  config.total_steps = 40_000
  config.batch.update(subjects=4, sequences=64, frames=60)
  features = dict(name='motion_and_bones', convention='fastposegait')
  config.augment = (*recipes.gaittr_augment(), features)
  config.model_name = 'gaittr'  # gaitgs_jax/models/gaittr.py
  config.model = dict(channels=(64, 64, 128, 256), features=128, dropout=0.1)
  config.model.dtype = 'float32'
  config.losses.triplet = dict(weight=1.0, margin=0.3, hardest=True)
  recipes.fastpose_rate(config, rise=0.475, divide_last=1000.0)
  config.evaluation.update(protocol='casia_b', transform=(features,))
  numbers = {'NM/rank1': 94.91, 'BG/rank1': 88.82, 'CL/rank1': 90.34}
  common.claim(config, numbers)
  return config
