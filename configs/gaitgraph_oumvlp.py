r"""GaitGraph on skeletons of OU-MVLP: 5,153 people train, 5,154 test.

Paper: https://arxiv.org/abs/2101.11228, in OpenGait's
  gaitgraph1_phase1_OUMVLP.yaml
Cost: not run.
Expected: Rank-1 2.8, as OpenGait publishes: probes without a match are errors.

OpenGait leaves out sequences of fewer than 17 frames; here their frames are
repeated.

  python launch.py --config=configs/gaitgraph_oumvlp.py \
      --workdir=runs/gaitgraph_oumvlp
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, recipes


def get_config() -> ConfigDict:
  config = common.oumvlp_pose('alphapose')
  config.total_steps = 150_000
  config.batch.update(sampler='instances', sequences=128, frames=35)
  config.augment = recipes.gaitgraph_augment()
  config.model_name = 'gaitgraph'  # gaitgs_jax/models/gaitgraph.py
  recipes.gaitgraph(config, features=256)
  config.evaluation.update(protocol='oumvlp', every_steps=30_000)
  config.evaluation.transform = (dict(name='middle_frames', frames=17),)
  common.claim(config, {'NM/rank1': 2.81})
  return config
