"""The flags of `launch.py`, which are of the whole process."""

import sys

from absl import flags


def reset():
  """Gives the flags their values of before the command line was read."""
  if 'gaitgs_jax.apps.launch' not in sys.modules:
    return
  for name in ('config', 'workdir', 'mode', 'checkpoint', 'topology'):
    flags.FLAGS[name].unparse()
  flags.FLAGS.unparse_flags()
  for name in [each for each in flags.FLAGS if each.startswith('config.')]:
    delattr(flags.FLAGS, name)
