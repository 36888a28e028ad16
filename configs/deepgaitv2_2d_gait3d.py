r"""DeepGaitV2 (2D) on silhouettes of Gait3D: 3,000 people train, 1,000 test.

Paper: https://arxiv.org/abs/2303.03301 and OpenGait's DeepGaitV2_gait3d.yaml,
  of which only the kind of blocks differs
Cost: not run; meant for several accelerators.
Expected: OpenGait publishes no figures of this run.

config.dataset.partition=Gait3D.json: its authors' file names who trains and
what is a probe.

  python launch.py --config=configs/deepgaitv2_2d_gait3d.py \
      --workdir=runs/deepgaitv2_2d_gait3d
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import deepgaitv2_gait3d


def get_config() -> ConfigDict:
  config = deepgaitv2_gait3d.get_config()
  config.model.kind = '2d'
  del config.published
  return config
