r"""Trains and evaluates: one config, one workdir, one command.

  python launch.py --config=configs/casia_b.py --workdir=runs/casia_b
  python launch.py --config=configs/casia_b.py --workdir=runs/casia_b \
      --mode=evaluate
  python launch.py --config=configs/casia_b.py --mode=show
  python launch.py --config=configs/casia_b.py --mode=compile --topology=v5e:2x4

Any field of the config can be set from the shell: --config.batch.subjects=4
The flags are in gaitgs_jax/apps/launch.py; `gaitgs train` runs the same.
"""

import sys

from gaitgs_jax import __main__ as commands

if __name__ == '__main__':
  sys.exit(commands.launch(sys.argv))
