r"""GaitGraph2 on skeletons of SUSTech1K: 250 people train, 800 test.

Paper: https://arxiv.org/abs/2204.07855, in OpenGait's gaitgraph2_SUSTech1K.yaml
Cost: not run.
Expected: OpenGait publishes no figures of this run.

Skeletons are read in place from the released tree at config.dataset.root.
config.dataset.partition=SUSTech1K.json: its authors' file names who trains.

  python launch.py --config=configs/gaitgraph2_sustech1k.py \
      --workdir=runs/gaitgraph2_sustech1k
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.run('sustech1k', keypoints=dict())
  config.dataset.update(format='opengait', cache='ram')
  config.total_steps = 2_000
  config.batch.frames = 60
  config.augment = recipes.gaitgraph2_augment()
  config.model_name = 'gaitgraph2'  # gaitgs_jax/models/gaitgraph2.py
  config.model = dict(blocks=(1, 1, 1), reduction=8, features=128)
  recipes.gaitgraph2(config)
  config.evaluation.update(metric='cosine', every_steps=1_000)
  config.evaluation.transform = (dict(name='middle_frames', frames=60),)
  return config
