r"""GaitGraph on skeletons of Gait3D: 3,000 people train, 1,000 test.

Paper: https://arxiv.org/abs/2101.11228, in OpenGait's
  gaitgraph1_phase1_Gait3D.yaml
Cost: not run.
Expected: Rank-1 9.0, as OpenGait publishes.

OpenGait leaves out sequences of fewer than 24 frames; here their frames are
repeated.
config.dataset.partition=Gait3D.json: its authors' file names who trains and
what is a probe.

  python launch.py --config=configs/gaitgraph_gait3d.py \
      --workdir=runs/gaitgraph_gait3d
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.run('gait3d_pose', 'gait3d', keypoints=dict())
  config.dataset.update(variant='hrnet', cache='ram')
  config.total_steps = 20_000
  config.batch.update(sampler='instances', sequences=128, frames=130)
  config.augment = recipes.gaitgraph_augment()
  config.model_name = 'gaitgraph'  # gaitgs_jax/models/gaitgraph.py
  recipes.gaitgraph(config, features=128)
  config.evaluation.every_steps = 5_000
  config.evaluation.transform = (dict(name='middle_frames', frames=24),)
  common.claim(config, {'rank1': 9.0})
  return config
