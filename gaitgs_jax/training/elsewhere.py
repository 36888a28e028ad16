"""Evaluations on other data than `config.dataset`."""

from collections.abc import Iterator, Mapping
from typing import Any

from ml_collections import ConfigDict

from gaitgs_jax.errors import UserError


def changed(
  dataset: Mapping[str, Any] | None = None,
  inputs: Mapping[str, Any] | None = None,
  protocol: str = '',
) -> dict[str, Any]:
  """Returns what differs of a config, such as `config.gallery`.

  Args:
    dataset: fields of `config.dataset`.
    inputs: modality -> fields of `config.inputs`.
    protocol: of `config.evaluation`; '' for the same.
  """
  evaluation = {'protocol': protocol} if protocol else {}
  return {
    'dataset': dict(dataset or {}),
    'inputs': {name: dict(each) for name, each in (inputs or {}).items()},
    'evaluation': evaluation,
  }


def gallery(config: Any) -> ConfigDict | None:
  """Returns the config of the data that the gallery is from; None if the same.

  Raises:
    UserError: nothing differs.
  """
  if 'gallery' not in config:
    return None
  return _with(config, config.gallery, 'config.gallery')


def every(config: Any) -> Iterator[tuple[str, Any]]:
  """Yields (label, config) of what a checkpoint is evaluated on.

  `config` itself comes first, then each of its `others`.

  Raises:
    UserError: nothing differs.
  """
  yield config.dataset.name, config
  for label, section in config.get('others', {}).items():
    yield label, _with(config, section, f'config.others.{label}')


def _with(config: Any, section: Mapping[str, Any], where: str) -> ConfigDict:
  differing = changed(**section)
  if not any(differing.values()):
    raise UserError(
      f'{where} changes nothing; give dataset or inputs, such as'
      f" {where} = dict(dataset=dict(name='oumvlp'))"
    )
  plain = config.to_dict()
  # Where its data lies, and of whom, is said of the other dataset alone.
  if (
    differing['dataset'].get('name', plain['dataset']['name'])
    != (plain['dataset']['name'])
  ):
    for name in ('variant', 'root', 'format', 'partition'):
      plain['dataset'][name] = ''
  for name, fields in differing.items():
    for key, value in fields.items():
      old = plain[name].get(key)
      plain[name][key] = old | value if isinstance(old, dict) else value
  for name in ('gallery', 'others'):
    plain.pop(name, None)
  return ConfigDict(plain)
