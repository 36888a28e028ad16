r"""DeepGaitV2 (3D) on GREW silhouettes: 20,000 people train, 6,000 test.

Paper: https://arxiv.org/abs/2303.03301 and OpenGait's DeepGaitV2_grew.yaml, of
  which only the kind of blocks differs
Cost: not run; meant for several accelerators.
Expected: Rank-1 79.4 of the submission, as OpenGait publishes.

The test's answers are withheld: the evaluation is grew_local, a stand-in.
--config.evaluation.protocol=grew writes the file to be submitted.

  python launch.py --config=configs/deepgaitv2_3d_grew.py \
      --workdir=runs/deepgaitv2_3d_grew
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, deepgaitv2_grew


def get_config() -> ConfigDict:
  config = deepgaitv2_grew.get_config()
  config.model.kind = '3d'
  common.claim(config, {'rank1': 79.4}, protocol='grew')
  return config
