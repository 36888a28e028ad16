r"""GLN on silhouettes of Gait3D, first phase: without classes.

Paper: https://doi.org/10.1007/978-3-030-58545-7_22, in Gait3D-Benchmark's
  gln_phase1_gait3d.yaml: the recipe of gln_phase1_gait3d_parsing.py
Cost: not run; meant for several accelerators.
Expected: nothing is published of the first phase; gln_phase2_gait3d.py starts
  from it.

config.dataset.partition=Gait3D.json: its authors' file names who trains and
what is a probe.

  python launch.py --config=configs/gln_phase1_gait3d.py \
      --workdir=runs/gln_phase1_gait3d
"""

from ml_collections import ConfigDict

from gaitgs_jax.configs import gln_phase1_gait3d_parsing, recipes


def get_config() -> ConfigDict:
  config = gln_phase1_gait3d_parsing.get_config()
  recipes.gait3d_silhouettes(config)
  return config
