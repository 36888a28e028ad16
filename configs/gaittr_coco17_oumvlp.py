r"""GaitTR on OUMVLP-Pose with COCO's 17 joints, as OpenGait trains it.

Paper: https://arxiv.org/abs/2204.03873 in OpenGait's
  gaittr_OUMVLP17.yaml, else as gaittr_oumvlp.py
Cost: not run.
Expected: Rank-1 39.78, as OpenGait publishes: probes without a match are
  errors.

  python launch.py --config=configs/gaittr_coco17_oumvlp.py \
      --workdir=runs/gaittr_coco17_oumvlp
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import common, gaittr_oumvlp


def get_config() -> ConfigDict:
  config = gaittr_oumvlp.get_config()
  config.dataset.name = 'oumvlp_pose17'
  common.claim(config, {'NM/rank1': 39.78})
  return config
