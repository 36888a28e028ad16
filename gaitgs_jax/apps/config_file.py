"""Reads the config of a run: a file of Python, a run's JSON, or a bare name."""

import importlib.util
import inspect
import pathlib
from importlib.machinery import SourceFileLoader
from typing import Any

from ml_collections import ConfigDict

from gaitgs_jax import cloud, files, older
from gaitgs_jax.apps import shipped
from gaitgs_jax.errors import UserError, did_you_mean, listed, one_line

# The configs that come with the package.
FOLDER = pathlib.Path(__file__).parents[1] / 'configs'
# Modules of the folder that are no configs.
_SHARED = {'common', 'recipes'}


def names() -> list[str]:
  """Returns the names of the configs that come with the package."""
  return sorted({path.stem for path in FOLDER.glob('*.py')} - _SHARED)


def find(given: str) -> pathlib.Path:
  """Returns the file that `--config` means.

  Where there is no such file, `demo`, `demo.py` and `configs/demo.py` are the
  package's own. gs:// is for the config.json of a run there.

  Raises:
    UserError: there is no such config.
  """
  path = cloud.folder(given)
  if path.is_file():
    return path
  own = pathlib.PurePath(given)
  folder, name = str(own.parent), own.name.removesuffix('.py')
  if folder in ('.', 'configs') and name in names():
    return FOLDER / f'{name}.py'
  if path.is_dir():
    raise UserError(
      f'--config={given} is a folder; pass a file, such as'
      f' {given.rstrip("/")}/config.json of a run'
    )
  raise UserError(
    f'no config {given}{did_you_mean(name, names())}: pass a file (.py, or'
    f' config.json of a run), or one of {listed(names())}'
  )


def load(given: str) -> ConfigDict:
  """Returns a config, of a file of Python or of JSON.

  Args:
    given: the file or the name of one of the package's configs; what follows a
      colon is given to its `get_config`, as in gaitgraph2_oumvlp:openpose.

  Raises:
    UserError: there is no such config, or the file does not hold one.
  """
  name, colon, argument = given.partition(':')
  if cloud.is_url(given):
    name, colon, argument = given, '', ''
  path = find(name)
  if path.suffix == '.json':
    config = _from_json(path, bool(colon))
  else:
    try:
      config = _from_python(path, [argument] if colon else [])
    except ModuleNotFoundError as error:
      # Not a ModuleNotFoundError, which is about the packages of this project.
      raise ImportError(f'{path} cannot be run: {error}') from error
  if not isinstance(config, ConfigDict):
    raise UserError(f'{path}: get_config does not return a ConfigDict')
  return config


def of_run(workdir: str, given: str | None) -> ConfigDict:
  """Returns a run's config: the one given, or the one that its workdir keeps.

  That of a model of the package comes with it too.

  Raises:
    UserError: there is none, or it is damaged.
  """
  if given:
    return load(given)
  if shipped.is_one(workdir):
    return load(workdir)
  if not cloud.folder(f'{workdir}/config.json').is_file():
    raise UserError(
      f'{workdir} holds no config.json, so it is not the workdir of a run; to'
      ' read the config of another place, pass it with --config.'
      f' {shipped.choices()}'
    )
  return load(f'{workdir}/config.json')


def _from_json(path: pathlib.Path, has_argument: bool) -> ConfigDict:
  if has_argument:
    raise UserError(f'{path} takes no argument after a colon')
  try:
    fields = files.read_json(path)
  except OSError as error:
    raise _unreadable(path, error) from error
  except ValueError as error:
    raise UserError(f'{path} is not JSON ({error})') from error
  if not isinstance(fields, dict):
    raise UserError(f'{path} is not a config: a JSON object is expected')
  fields = _tuples(older.upgraded(fields), path)
  try:
    return ConfigDict(fields)
  # Of a field that is called as what Python keeps for itself.
  except (AttributeError, TypeError, ValueError) as error:
    raise UserError(f'{path} is not a config ({one_line(error)})') from error


def _tuples(value: Any, path: pathlib.Path) -> Any:
  """Returns JSON's lists as tuples, which is what configs hold.

  Raises:
    UserError: a field has a name that no config can have.
  """
  if isinstance(value, dict):
    for key in value:
      # The dot divides names on the command line; names are printed in logs.
      if not key.isprintable() or '.' in key:
        raise UserError(
          f'{path} is not a config: no field can be called'
          f' {one_line(repr(key))}'
        )
    return {key: _tuples(each, path) for key, each in value.items()}
  if isinstance(value, list):
    return tuple(_tuples(each, path) for each in value)
  return value


def _from_python(path: pathlib.Path, arguments: list[str]) -> Any:
  """Runs the file; what its code raises keeps its traceback."""
  spec = importlib.util.spec_from_file_location('run_config', path)
  if spec is None or not isinstance(spec.loader, SourceFileLoader):
    raise UserError(f'{path} is not a config: pass a .py or .json file')
  try:
    spec.loader.get_code(spec.name)
  except OSError as error:
    raise _unreadable(path, error) from error
  except (SyntaxError, ValueError) as error:
    raise UserError(f'{path} is not Python ({error})') from error
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  if not hasattr(module, 'get_config'):
    raise UserError(f'{path} has no function get_config')
  try:
    inspect.signature(module.get_config).bind(*arguments)
  except TypeError as error:
    colon = 'takes no' if arguments else 'needs an'
    raise UserError(f'{path} {colon} argument after a colon') from error
  return module.get_config(*arguments)


def _unreadable(path: pathlib.Path, error: OSError) -> UserError:
  return UserError(f'{path} cannot be read ({error})')
