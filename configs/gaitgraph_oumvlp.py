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

from gaitgs_jax.configs import common


def get_config() -> ConfigDict:
  config = common.oumvlp_pose('alphapose')
  config.total_steps = 150_000
  config.batch.update(sampler='instances', sequences=128, frames=35)
  config.augment = (
    dict(name='copies', count=2),
    dict(name='horizontal_flip', probability=0.5),
    dict(name='reverse', probability=0.5),
    dict(name='random_frames', frames=16),
    dict(name='point_noise', scale=0.05, normal=True, clip=False),
    dict(name='joint_noise', scale=0.1, normal=True),
  )
  config.model_name = 'gaitgraph'  # gaitgs_jax/models/gaitgraph.py
  config.model = dict(blocks=(2, 2, 2), reduction=8)
  config.model.update(features=256, convention='opengait')
  config.model.update(test_time=True, dtype='float32')
  config.losses.supervised_contrastive = dict(
    weight=1.0,
    temperature=0.01,
    base_temperature=0.07,
    distance='dot',
    active_only=False,
  )
  config.optimizer = dict(name='adam', learning_rate=0.01, weight_decay=1e-5)
  config.optimizer.beta1 = 'one_cycle'
  config.schedule = dict(name='one_cycle')
  config.evaluation.update(protocol='oumvlp', every_steps=30_000)
  config.evaluation.transform = (dict(name='middle_frames', frames=17),)
  common.claim(config, {'NM/rank1': 2.81})
  return config
