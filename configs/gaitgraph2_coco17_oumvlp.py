r"""GaitGraph2 on OUMVLP-Pose with COCO's 17 joints, as OpenGait trains it.

Paper: https://arxiv.org/abs/2204.07855 in OpenGait's
  gaitgraph2_OUMVLP17.yaml, else as gaitgraph2_opengait_oumvlp.py
Cost: not run.
Expected: Rank-1 70.75, as OpenGait publishes: probes without a match are
  errors.

  python launch.py --config=configs/gaitgraph2_coco17_oumvlp.py \
      --workdir=runs/gaitgraph2_coco17_oumvlp
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, gaitgraph2_opengait_oumvlp


def get_config() -> ConfigDict:
  config = gaitgraph2_opengait_oumvlp.get_config()
  config.dataset.name = 'oumvlp_pose17'
  common.claim(config, {'NM/rank1': 70.75})
  return config
