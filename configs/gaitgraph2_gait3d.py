r"""GaitGraph2 on skeletons of Gait3D: 3,000 people train, 1,000 test.

Paper: https://arxiv.org/abs/2204.07855, in OpenGait's gaitgraph2_Gait3D.yaml
Cost: not run.
Expected: Rank-1 11.0, as OpenGait publishes.

config.dataset.partition=Gait3D.json: its authors' file names who trains and
what is a probe.

  python launch.py --config=configs/gaitgraph2_gait3d.py \
      --workdir=runs/gaitgraph2_gait3d
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.run('gait3d_pose', 'gait3d', keypoints=dict())
  config.dataset.update(variant='hrnet', cache='ram')
  config.total_steps = 2_000
  config.batch.frames = 60
  config.augment = recipes.gaitgraph2_augment()
  config.model_name = 'gaitgraph2'  # gaitgs_jax/models/gaitgraph2.py
  config.model = dict(blocks=(1, 1, 1), reduction=8, features=128)
  recipes.gaitgraph2(config)
  config.evaluation.update(metric='cosine', every_steps=1_000)
  config.evaluation.transform = (dict(name='middle_frames', frames=60),)
  common.claim(config, {'rank1': 11.0})
  return config
