"""What JAX needs of this machine: devices, files, and room for programs."""

import os

import jax

from gaitgs_jax import limits, local
from gaitgs_jax.errors import UserError, one_line, printable

# Files that a run has open at once, twice over; those of a dataset come on top.
_OPEN_FILES = 64


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


def check_machine() -> None:
  """Finds out now what would end a run in the middle.

  Raises:
    UserError: JAX_PLATFORMS names what is not here, or few files may be open.
  """
  try:
    jax.devices()
  # JAX asserts that there is a device, where a platform has none.
  except (RuntimeError, AssertionError) as error:
    given = os.environ.get('JAX_PLATFORMS', '')
    if not given:
      raise
    reason = one_line(error) or 'there is none'
    raise UserError(
      f'JAX_PLATFORMS={printable(given)}: no such device can be used ({reason})'
      ': unset it, or set JAX_PLATFORMS=cpu'
    ) from error
  limits.allow_open_files(_OPEN_FILES)
