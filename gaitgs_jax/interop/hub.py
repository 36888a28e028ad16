"""Files of Hugging Face's hub, `hf://owner/repository/path`."""

import importlib
import pathlib
import re
from typing import Any

from gaitgs_jax.errors import UserError, one_line

_SCHEME = 'hf://'
# A revision may stand behind the repository, as the hub's own paths have it.
_URL = re.compile(
  r'hf://(?P<repository>[\w.-]+/[\w.-]+)(@(?P<revision>[\w.-]+))?/(?P<file>.+)'
)


def is_url(given: str | pathlib.Path) -> bool:
  """Returns whether a file is on the hub."""
  return str(given).startswith(_SCHEME)


def fetch(url: str) -> pathlib.Path:
  """Returns a file of the hub, copied to this machine where it is not yet.

  Args:
    url: such as 'hf://opengait/OpenGait/Gait3D/model.pt', or
      'hf://owner/repository@revision/path'.

  Raises:
    UserError: it is not such a URL, huggingface-hub is missing, or the file
      could not be fetched.
  """
  parts = _URL.fullmatch(url)
  if parts is None:
    raise UserError(
      f'{url!r} is not a file of the hub; give hf://owner/repository/path'
    )
  hub, errors = _library()
  try:
    path = hub.hf_hub_download(
      parts['repository'], parts['file'], revision=parts['revision']
    )
  except (OSError, ValueError, errors.HfHubHTTPError) as error:
    raise UserError(f'could not fetch {url}: {one_line(error)}') from error
  return pathlib.Path(path)


def _library() -> list[Any]:
  names = ('huggingface_hub', 'huggingface_hub.errors')
  try:
    return [importlib.import_module(name) for name in names]
  except ImportError as error:
    raise UserError(
      f'{_SCHEME} needs huggingface-hub: pip install huggingface-hub'
    ) from error
