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

from gaitgs_jax.configs import common


def get_config() -> ConfigDict:
  config = common.grew('grew_pose', keypoints=dict())
  config.dataset.update(variant='hrnet', cache='ram')
  config.total_steps = 150_000
  config.batch.update(sampler='instances', sequences=128, frames=501)
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
  config.evaluation.every_steps = 30_000
  config.evaluation.transform = (dict(name='middle_frames', frames=16),)
  common.claim(config, {'rank1': 9.82}, protocol='grew')
  return config
