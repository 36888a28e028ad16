r"""GaitGL on silhouettes of Gait3D: 3,000 people train, 1,000 test.

Paper: https://arxiv.org/abs/2011.01461, in Gait3D-Benchmark's
  gaitgl_gait3d.yaml: the recipe of gaitgl_gait3d_parsing.py
Cost: not run; meant for several accelerators.
Expected: Rank-1 29.7, mAP 22.29, as https://github.com/Gait3D/Gait3D-Benchmark
  publishes of 64 x 44; OpenGait has the first.

config.dataset.partition=Gait3D.json: its authors' file names who trains and
what is a probe.

  python launch.py --config=configs/gaitgl_gait3d.py \
      --workdir=runs/gaitgl_gait3d
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, gaitgl_gait3d_parsing, recipes


def get_config() -> ConfigDict:
  config = gaitgl_gait3d_parsing.get_config()
  recipes.gait3d_silhouettes(config)
  common.claim(config, {'rank1': 29.7, 'mAP': 22.29})
  return config
