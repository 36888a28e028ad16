r"""GaitGraph2 on OUMVLP-Pose as OpenGait trains it, of AlphaPose's 18 joints.

Paper: https://arxiv.org/abs/2204.07855 in OpenGait's gaitgraph2_OUMVLP.yaml;
  the authors' own recipe is gaitgraph2_oumvlp.py
Cost: not run.
Expected: Rank-1 62.1, as OpenGait publishes: probes without a match are errors.

  python launch.py --config=configs/gaitgraph2_opengait_oumvlp.py \
      --workdir=runs/gaitgraph2_opengait_oumvlp
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.oumvlp_pose('alphapose')
  config.total_steps = 80_000
  config.batch.frames = 30
  augment = recipes.gaitgraph2_augment(noise=0.1, across=3.0)
  config.augment = (dict(name='repair'), *augment)
  config.model_name = 'gaitgraph2'  # gaitgs_jax/models/gaitgraph2.py
  config.model = dict(blocks=(2, 3, 3), reduction=4, features=128)
  recipes.gaitgraph2(config, optimizer='adam', three_phases=True)
  config.evaluation.update(protocol='oumvlp', metric='cosine')
  config.evaluation.transform = (
    dict(name='repair'),
    dict(name='middle_frames', frames=30),
  )
  common.claim(config, {'NM/rank1': 62.1})
  return config
