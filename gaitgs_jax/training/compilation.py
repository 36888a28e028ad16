"""Programs that XLA compiled, kept on disk for the next run."""

import os

import jax

from gaitgs_jax import local
from gaitgs_jax.errors import UserError


def keep() -> None:
  """Keeps compiled programs in ~/.cache/gaitgs_jax/xla.

  A folder that the user set (JAX_COMPILATION_CACHE_DIR) is left as it is.
  Without a home folder nothing is kept.
  """
  if not os.environ.get('JAX_COMPILATION_CACHE_DIR'):
    try:
      folder = local.cache() / 'xla'
    except UserError:
      return
    jax.config.update('jax_compilation_cache_dir', str(folder))
  jax.config.update('jax_persistent_cache_min_compile_time_secs', 0.0)
