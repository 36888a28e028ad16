r"""ScoNet on Scoliosis1K silhouettes: three diagnoses, and no more.

Paper: https://arxiv.org/abs/2407.05726, whose ScoNet learns diagnoses alone;
  the rest is OpenGait's sconet_scoliosis1k.yaml
Cost: not run; meant for one accelerator.
Expected: less than ScoNet-MT (sconet_scoliosis1k.py), as the paper publishes.

  python launch.py --config=configs/sconet_single_scoliosis1k.py \
      --workdir=runs/sconet_single_scoliosis1k \
      --config.dataset.partition=Scoliosis1K_118.json
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import sconet_scoliosis1k


def get_config() -> ConfigDict:
  config = sconet_scoliosis1k.get_config()
  del config.losses.triplet
  del config.published
  return config
