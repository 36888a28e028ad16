"""What models are built with that no config has to say: classes and joints.

A run that starts takes them from its data. One that goes on, and whatever uses
a trained model, takes them from the shapes of the weights in the checkpoint,
and needs no data for that. Each function returns the config with these fields
of `models.FACTS` in config.model; those that are there already are kept.
"""

import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from gaitgs_jax import fields, losses, models
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import mixture, partitions
from gaitgs_jax.training import preprocessing, restoring, settings, setup
from gaitgs_jax.training.setup import Data

_WHAT = {
  'num_classes': 'training subjects',
  'num_views': 'views',
  'num_conditions': 'conditions',
}
# Those of the labels that a loss may leave alone.
_LABELS = {'num_views': 'view', 'num_conditions': 'condition'}


def of_dataset(config: Any) -> Any:
  """Returns a config with what is published about its dataset.

  It serves to try a model before the data is opened. The views and conditions
  of one's own data are not known then, and are left out, nor are its people in
  a mixture, where no partition names them.

  Args:
    config: of a run; its losses are checked.

  Raises:
    UserError: config.model.skeleton is not the data's, or there is no
      partition that says how many subjects train.
  """
  dataset = setup.trained_on(config)
  found: dict[str, Any] = {
    'num_views': len(dataset.views),
    'num_conditions': len(dataset.conditions),
  }
  if 'num_classes' in _wanted(config) and 'num_classes' not in config.model:
    found['num_classes'] = _named_people(config)
  return _complete(config, found)


def _named_people(config: Any) -> int:
  """Returns how many people train, as far as partitions say; at least 1."""
  if 'mixture' in config:
    return max(mixture.count_people(config.mixture), 1)
  return len(partitions.load_partition(config.dataset).train)


def of_data(config: Any, data: Data) -> Any:
  """Returns a config with the facts of its training data.

  Args:
    config: of a run that starts; its losses are checked.
    data: its data.
  """
  return _complete(config, _counts(data))


def of_checkpoint(config: Any, folder: pathlib.Path) -> Any:
  """Returns a config with what the model in a checkpoint was built with.

  Args:
    config: of the model.
    folder: of the checkpoint, see `checkpoint.find`.

  Raises:
    UserError: config.model says otherwise, or the checkpoint cannot be read.
  """
  if not _is_model(config.model_name):
    return config
  shapes = {
    path.partition('/')[2]: shape
    for path, shape in restoring.model_shapes(folder).items()
  }
  with settings.in_section('config.model_name'):
    found = models.built_with(config.model_name, shapes)
  for field, value in found.items():
    given = config.model.get(field, value)
    if given != value:
      raise UserError(
        f'config.model.{field} is {given!r}, but the model in {folder} was '
        f'built with {value!r}: leave it out'
      )
  return _with(config, found)


def check(config: Any, built: Any, data: Data) -> None:
  """Checks that a model has a class for all that it learns to tell apart.

  More classes than that are allowed: they divide among devices.

  Args:
    config: of a run.
    built: the same with the facts that its model is built with.
    data: what it learns from.

  Raises:
    UserError: there are too few.
  """
  name, learned = data.dataset.name, setup.learned_labels(config)
  for field, count in _counts(data).items():
    given = built.model.get(field)
    if _LABELS.get(field, 'subject') not in {'subject', *learned}:
      continue
    if given is None or given >= count:
      continue
    if field in config.model:
      raise UserError(
        f'config.model.{field} is {given}, but {name} has {count} '
        f'{_WHAT[field]}: leave it out'
      )
    raise UserError(
      f'the model in the workdir was built for {given} {_WHAT[field]}, but '
      f'{name} has {count} now: take another --workdir, or the data that it '
      'was trained on'
    )


def _counts(data: Data) -> dict[str, int]:
  index = data.source.index.take(data.train)
  return {
    'num_classes': len(np.unique(index.subject)),
    'num_views': len(data.dataset.view_classes(index.view)),
    'num_conditions': len(data.dataset.condition_classes(index.condition)),
  }


def _wanted(config: Any) -> list[str]:
  """Returns which facts the config's model is built with.

  What may be None, as a head may, is wanted where a loss reads it.
  """
  if not _is_model(config.model_name):
    return []
  with settings.in_section('config.model_name'):
    found = models.facts(config.model_name)
    taken = models.fields(config.model_name)
  reads = losses.reads_logits(config.losses)
  return [
    field
    for field in found
    if reads or fields.problem(None, taken[field].annotation)
  ]


def _is_model(name: str) -> bool:
  """Returns whether a name can be a model's; building another says so."""
  return name in models.names() or '.' in name


def _complete(config: Any, counts: Mapping[str, int]) -> Any:
  """Returns a config with counts and the skeleton it sees, where wanted."""
  skeleton = preprocessing.skeleton_seen(config)
  given = config.model.get('skeleton', skeleton)
  if skeleton and given != skeleton:
    raise UserError(
      f'config.model.skeleton is {given!r}, but the skeletons of '
      f'{config.dataset.name} are {skeleton}: leave it out'
    )
  found = {**counts, 'skeleton': skeleton}
  return _with(
    config, {name: found[name] for name in _wanted(config) if found.get(name)}
  )


def _with(config: Any, found: Mapping[str, Any]) -> Any:
  built = config.copy_and_resolve_references()
  with built.unlocked():
    for field, value in found.items():
      if field not in built.model:
        built.model[field] = value
  return built
