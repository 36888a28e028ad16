r"""DeepGaitV2 (3D) on OU-MVLP silhouettes: 5,153 people train, 5,154 test.

Paper: https://arxiv.org/abs/2303.03301 and OpenGait's DeepGaitV2_oumvlp.yaml,
  of which only the kind of blocks differs.
Cost: not run; meant for several accelerators.
Expected: Rank-1 92.0, as published: probes without a match count as errors.

  python launch.py --config=configs/deepgaitv2_3d_oumvlp.py \
      --workdir=runs/deepgaitv2_3d_oumvlp
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, deepgaitv2_oumvlp


def get_config() -> ConfigDict:
  config = deepgaitv2_oumvlp.get_config()
  config.model.kind = '3d'
  common.claim(config, {'NM/rank1': 92.0})
  return config
