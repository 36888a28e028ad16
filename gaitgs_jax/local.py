"""Paths on this machine's file systems, including mounted buckets."""

import os
import pathlib
import re

from gaitgs_jax.errors import UserError


def path(given: str | os.PathLike) -> pathlib.Path:
  """Returns a path as one of this machine, with `~` filled in.

  Raises:
    UserError: it is a URL, such as gs://bucket/run, which as a path would be a
      folder called 'gs:'; or it starts with `~` and there is no home.
  """
  text = os.fspath(given)
  if re.match(r'[A-Za-z][\w+.-]+:/', text):
    raise UserError(
      f'{text} is not a folder of this machine: mount the bucket (gcsfuse,'
      ' mount-s3) and give the folder where it is, or copy from and to it'
    )
  try:
    return pathlib.Path(text).expanduser()
  except RuntimeError as error:
    raise UserError(
      f'{text}: there is no home folder for ~ ({error}): set HOME, or pass the '
      'whole path'
    ) from error


def cache() -> pathlib.Path:
  """Returns the folder of what can be made again, ~/.cache/gaitgs_jax.

  Raises:
    UserError: there is no home folder.
  """
  given = os.environ.get('XDG_CACHE_HOME')
  try:
    home = pathlib.Path(given) if given else pathlib.Path.home() / '.cache'
  except RuntimeError as error:
    raise UserError(
      'there is no home folder for ~/.cache: set HOME or XDG_CACHE_HOME'
    ) from error
  return home / 'gaitgs_jax'
