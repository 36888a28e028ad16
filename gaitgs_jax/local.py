"""Paths on this machine's file systems, mounted buckets among them."""

import os
import pathlib
import re

from gaitgs_jax.errors import UserError


def path(given: str | os.PathLike) -> pathlib.Path:
  """Returns a path as one of this machine, with `~` filled in.

  Raises:
    UserError: it is a URL, such as gs://bucket/run: made a path of, that would
      be a folder called 'gs:'.
  """
  text = os.fspath(given)
  if re.match(r'[A-Za-z][\w+.-]+:/', text):
    raise UserError(
      f'{text} is no folder of this machine: mount the bucket (gcsfuse,'
      ' mount-s3) and give the folder where it is, or copy from and to it'
    )
  return pathlib.Path(text).expanduser()


def cache() -> pathlib.Path:
  """Returns the folder of what can be had again, ~/.cache/gaitgs_jax."""
  home = os.environ.get('XDG_CACHE_HOME') or pathlib.Path.home() / '.cache'
  return pathlib.Path(home) / 'gaitgs_jax'
