r"""GaitGraph2 on skeletons of GREW: 20,000 people train, 6,000 test.

Paper: https://arxiv.org/abs/2204.07855, in OpenGait's gaitgraph2_GREW.yaml
Cost: not run.
Expected: Rank-1 34.6 of the submission, as OpenGait publishes.

The test's answers are withheld: the evaluation is grew_local, a stand-in.
--config.evaluation.protocol=grew writes the file to be submitted.

  python launch.py --config=configs/gaitgraph2_grew.py \
      --workdir=runs/gaitgraph2_grew
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.grew('grew_pose', keypoints=dict())
  config.dataset.update(variant='hrnet', cache='ram')
  config.total_steps = 50_000
  config.batch.frames = 60
  config.augment = (dict(name='repair'), *recipes.gaitgraph2_augment())
  config.model_name = 'gaitgraph2'  # gaitgs_jax/models/gaitgraph2.py
  config.model = dict(blocks=(2, 3, 3), reduction=4, features=128)
  recipes.gaitgraph2(config, optimizer='adam', three_phases=True)
  config.evaluation.update(metric='cosine', every_steps=10_000)
  config.evaluation.transform = (
    dict(name='repair'),
    dict(name='middle_frames', frames=60),
  )
  common.claim(config, {'rank1': 34.61}, protocol='grew')
  return config
