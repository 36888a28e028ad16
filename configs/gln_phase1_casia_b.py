r"""GLN on CASIA-B silhouettes of 128x88, first phase: without classes.

Paper: https://doi.org/10.1007/978-3-030-58545-7_22; the recipe is OpenGait's
  gln_phase1.yaml.
Cost: not run.
Expected: nothing is published of the first phase; gln_phase2_casia_b.py
  starts from it.

  python launch.py --config=configs/gln_phase1_casia_b.py \
      --workdir=runs/gln_phase1_casia_b
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common


def get_config() -> ConfigDict:
  config = common.casia_b(size=(128, 88))
  config.total_steps = 40_000
  config.batch.update(subjects=8, sequences=16, frames=30)
  config.model_name = 'gln'  # gaitgs_jax/models/gln.py
  config.model = dict(channels=(32, 64, 128), lateral=256)
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  config.losses.triplet = dict(weight=1.0, margin=0.2)
  config.optimizer = dict(name='sgd', learning_rate=0.1, momentum=0.9)
  config.optimizer.weight_decay = 5e-4
  config.schedule = dict(name='step', factor=0.1)
  config.schedule.boundaries = (10_000, 20_000, 30_000)
  config.evaluation.batch_frames = 800
  return config
