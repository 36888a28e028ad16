r"""GLN on CASIA-B silhouettes of 128x88, second phase: with the compact block.

Paper: https://doi.org/10.1007/978-3-030-58545-7_22; the recipe is OpenGait's
  gln_phase2.yaml.
Cost: not run.
Expected: Rank-1 NM 96.4, BG 93.1, CL 81.0, as OpenGait publishes of the
  features in front of the compact block (the paper's own: 95.6, 92.0, 77.2).

It starts from the weights of gln_phase1_casia_b.py:

  python launch.py --config=configs/gln_phase2_casia_b.py \
      --workdir=runs/gln_phase2_casia_b

Another place of these, a file of PyTorch too: --config.init.checkpoint=PATH
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common


def get_config() -> ConfigDict:
  config = common.casia_b(size=(128, 88))
  # All but the compact block, which the first phase does not have.
  config.init = dict(checkpoint='runs/gln_phase1_casia_b')
  config.init.keep = ('frames/*', 'sets/*', 'lateral/*', 'head/*')
  config.total_steps = 40_000
  config.batch.update(subjects=8, sequences=16, frames=30)
  config.model_name = 'gln'  # gaitgs_jax/models/gln.py
  config.model = dict(channels=(32, 64, 128), lateral=256, dropout=0.9)
  config.model.dtype = 'bfloat16'  # Published: float16; docs/porting.md
  config.losses.triplet = dict(weight=1.0, margin=0.2)
  # Its classes add the compact block to the model.
  config.losses.identity = dict(weight=0.1, scale=16.0, smoothing=0.1)
  config.optimizer = dict(name='sgd', learning_rate=0.01, momentum=0.9)
  config.optimizer.weight_decay = 5e-4
  config.schedule = dict(name='step', factor=0.1)
  config.schedule.boundaries = (10_000, 20_000, 30_000)
  config.evaluation.batch_frames = 800
  common.claim(config, {'NM/rank1': 96.4, 'BG/rank1': 93.1, 'CL/rank1': 81.0})
  return config
