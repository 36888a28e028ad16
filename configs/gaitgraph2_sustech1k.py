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

from gaitgs_jax.configs import common


def get_config() -> ConfigDict:
  config = common.run('sustech1k', keypoints=dict())
  config.dataset.update(format='opengait', cache='ram')
  config.total_steps = 2_000
  config.batch.update(sampler='instances', sequences=768, frames=60)
  config.augment = (
    dict(name='reverse', probability=0.5),
    dict(name='swap_sides', probability=0.1, per='frame'),
    dict(name='joint_noise', scale=0.25, normal=True),
    dict(name='point_noise', scale=0.05, normal=True, clip=False),
    dict(name='move', x=4.0, y=1.0),
  )
  config.model_name = 'gaitgraph2'  # gaitgs_jax/models/gaitgraph2.py
  config.model = dict(blocks=(1, 1, 1), reduction=8, features=128)
  config.model.update(joined=False, convention='opengait', test_time=True)
  config.model.dtype = 'float32'
  config.losses.supervised_contrastive = dict(weight=1.0, temperature=0.01)
  config.optimizer = dict(name='adamw', learning_rate=5e-3, weight_decay=1e-5)
  config.optimizer.beta1 = 'one_cycle'
  config.schedule = dict(name='one_cycle')
  config.evaluation.update(metric='cosine', every_steps=1_000)
  config.evaluation.transform = (dict(name='middle_frames', frames=60),)
  return config
