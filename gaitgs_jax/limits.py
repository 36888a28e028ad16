"""The limits of a process that its user may set (`ulimit`)."""

from gaitgs_jax.errors import UserError


def allow_open_files(count: int) -> None:
  """Raises the process's limit on open files to `count`, where it is lower.

  Raises:
    UserError: that many are not allowed.
  """
  try:
    import resource
  except ImportError:  # Not on Windows, which has no such limit.
    return
  soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
  if soft == resource.RLIM_INFINITY or soft >= count:
    return
  if hard != resource.RLIM_INFINITY and hard < count:
    raise UserError(
      f'this process may have {hard} files open, and {count} are needed: '
      'raise the limit (`ulimit -n 4096`; in a container, its nofile)'
    )
  resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
