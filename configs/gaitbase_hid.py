r"""Plain GaitBase on silhouettes of HID 2022: 500 people train, 505 test.

Paper: https://arxiv.org/abs/2211.06597, in OpenGait's gaitbase_hid.yaml
Cost: not run; meant for several accelerators.
Expected: OpenGait publishes no figures of this run.

The answers of the test are withheld: an evaluation writes the file to be
submitted, with re-ranked distances, which OpenGait leaves out by default.

  python launch.py --config=configs/gaitbase_hid.py \
      --workdir=runs/gaitbase_hid
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common


def get_config() -> ConfigDict:
  config = common.run('hid', silhouettes=dict(size=(128, 88)))
  config.total_steps = 60_000
  config.batch.update(subjects=16, sequences=8, frames=30, order='unordered')
  config.model_name = 'gaitbase'  # gaitgs_jax/models/gaitbase.py
  config.model = dict(backbone='plain', channels=(64, 128, 256, 512))
  config.model.bins = (16, 8, 4, 2, 1)
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  config.losses.triplet = dict(weight=1.0, margin=0.2)
  config.losses.identity = dict(weight=0.1, scale=16.0, smoothing=0.1)
  config.optimizer = dict(name='sgd', learning_rate=0.1, momentum=0.9)
  config.optimizer.weight_decay = 5e-4
  config.schedule = dict(name='step', boundaries=(20_000, 40_000), factor=0.1)
  config.evaluation.frames_max = 720
  config.evaluation.batch_frames = 800
  return config
