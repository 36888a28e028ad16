r"""GaitGraph on OUMVLP-Pose with COCO's 17 joints, as OpenGait trains it.

Paper: https://arxiv.org/abs/2101.11228 in OpenGait's
  gaitgraph1_phase1_OUMVLP17.yaml, a window of 25 frames
Cost: not run.
Expected: Rank-1 4.25, as OpenGait publishes: probes without a match are
  errors.

  python launch.py --config=configs/gaitgraph_coco17_oumvlp.py \
      --workdir=runs/gaitgraph_coco17_oumvlp
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, gaitgraph_oumvlp


def get_config() -> ConfigDict:
  config = gaitgraph_oumvlp.get_config()
  config.dataset.name = 'oumvlp_pose17'
  config.batch.frames = 25
  common.claim(config, {'NM/rank1': 4.25})
  return config
