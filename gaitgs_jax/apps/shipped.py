"""Trained models that come with the package, by name; see docs/weights.md.

Each has three files: `weights/NAME.safetensors`, its config `configs/NAME.py`,
and `weights/NAME.json`, the evaluation that thresholds are from.
"""

import os
import pathlib

from gaitgs_jax import cloud

FOLDER = pathlib.Path(__file__).parents[1] / 'weights'


def names() -> list[str]:
  """Returns the names of the models that come with the package."""
  return sorted(path.stem for path in FOLDER.glob('*.safetensors'))


def choices() -> str:
  """Returns which models there are, for messages."""
  return f'Models of the package: {", ".join(names()) or "none"}'


def is_one(given: str | os.PathLike) -> bool:
  """Returns whether a workdir is the name of such a model.

  A folder or file of that name comes first.
  """
  name = os.fspath(given)
  if cloud.is_url(name) or name not in names():
    return False
  return not pathlib.Path(name).exists()


def weights(name: str) -> pathlib.Path:
  """Returns the file of the weights."""
  return FOLDER / f'{name}.safetensors'


def evaluation(name: str) -> pathlib.Path | None:
  """Returns the file of the evaluation, if there is one."""
  path = FOLDER / f'{name}.json'
  return path if path.is_file() else None
