r"""GaitGraph on skeletons of GREW: 20,000 people train, 6,000 test.

Paper: https://arxiv.org/abs/2101.11228, in OpenGait's
  gaitgraph1_phase1_GREW.yaml
Cost: not run.
Expected: Rank-1 9.8 of the submission, as OpenGait publishes.

OpenGait leaves out sequences of fewer than 16 frames; here their frames are
repeated.
The test's answers are withheld: the evaluation is grew_local, a stand-in.
--config.evaluation.protocol=grew writes the file to be submitted.

  python launch.py --config=configs/gaitgraph_grew.py \
      --workdir=runs/gaitgraph_grew
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.grew('grew_pose', keypoints=dict())
  config.dataset.update(variant='hrnet', cache='ram')
  config.total_steps = 150_000
  config.batch.update(sampler='instances', sequences=128, frames=501)
  config.augment = recipes.gaitgraph_augment()
  config.model_name = 'gaitgraph'  # gaitgs_jax/models/gaitgraph.py
  recipes.gaitgraph(config, features=256)
  config.evaluation.every_steps = 30_000
  config.evaluation.transform = (dict(name='middle_frames', frames=16),)
  common.claim(config, {'rank1': 9.82}, protocol='grew')
  return config
