"""Published figures, shown next to ours where they are comparable.

They stand in the config that claims them (`config.published`): what they are
of, and the figures under the keys of `evaluate`, in percent.
"""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from gaitgs_jax import fields
from gaitgs_jax.errors import one_line, wrong_choice, wrong_value
from gaitgs_jax.evaluation.protocols import PROTOCOLS, Protocol, rules

# What a run must be of, for its numbers to be comparable.
_OF = ('protocol', 'dataset', 'model_name')
# Of a number: of each view of the probes, and of those with something to find.
_BY_VIEW, _VALID = '_by_probe_view', '_excluding_invalid'


class _Claim(NamedTuple):
  """The fields of `config.published`."""

  protocol: str
  dataset: str
  model_name: str
  inputs: Mapping[str, Any]
  numbers: Mapping[str, Any]


def check(claim: Mapping[str, Any], where: str = 'config.published') -> None:
  """Checks what a config claims.

  Args:
    claim: of a config, or empty.
    where: it stands, for messages.

  Raises:
    UserError: a field is missing, or not what it should be.
  """
  if not claim:
    return
  fields.check(inspect.signature(_Claim).parameters, claim, where)
  for field in ('inputs', 'numbers'):
    if not hasattr(claim[field], 'items') or not claim[field]:
      raise wrong_value(f'{where}.{field}', claim[field], 'a non-empty dict')
  for name, size in claim['inputs'].items():
    if wrong := fields.problem(size, Sequence[int]):
      raise wrong_value(f'{where}.inputs.{one_line(name)}', size, wrong)
  protocol = PROTOCOLS.get(claim['protocol'])
  for name, value in claim['numbers'].items():
    _check_number(name, value, protocol, f'{where}.numbers')


def _check_number(
  name: str, value: Any, protocol: Protocol | None, where: str
) -> None:
  values = value if isinstance(value, list | tuple) else [value]
  right = name.isprintable() and all(map(_is_percentage, values))
  if not right or name.endswith(_BY_VIEW) != (values is value):
    wanted = f'a percentage, or a list of them for ...{_BY_VIEW}'
    raise wrong_value(f'{where}: {one_line(name)}', value, wanted)
  if protocol is None:  # Of the user's own, which a run reads later.
    return
  probes, _, number = name.rpartition('/')
  metric = number.removesuffix(_BY_VIEW).removesuffix(_VALID)
  if probes not in protocol.probes or not rules.has_metric(protocol, metric):
    named = [
      rules.key(each, metric)
      for each in protocol.probes
      for metric in protocol.metrics
    ]
    problem = f'{where}: {protocol.name} has no {name!r}'
    raise wrong_choice(problem, name, named)


def _is_percentage(value: Any) -> bool:
  return type(value) in (int, float) and 0 <= value <= 100


def published(
  claim: Mapping[str, Any] | None,
  protocol: Protocol,
  *,
  dataset: str,
  model_name: str,
  inputs: Mapping[str, Sequence[int]],
  partition: str = '',
) -> dict[str, float | np.ndarray]:
  """Returns the figures to show next to a run's, or nothing.

  Args:
    claim: of the run's config, checked; figures of another protocol, dataset,
      model or inputs are not comparable.
    protocol: what the run was counted by.
    dataset: its data.
    model_name: such as 'gaitgs'.
    inputs: the shape of the model's frames, by modality.
    partition: of `config.dataset`; with a file of the user's own the people
      are others than the benchmark's, and nothing is comparable.

  Returns:
    Keys of `evaluate` that were published ('NM/rank1', ...), and
    'NM/rank1_by_probe_view' [views] where the paper has a row per view.
  """
  if not claim or '/' in partition or partition.endswith('.json'):
    return {}
  run = (protocol.name, dataset, model_name, _sizes(inputs))
  of = (*(claim[name] for name in _OF), _sizes(claim['inputs']))
  known = PROTOCOLS.get(protocol.name, protocol)
  if of != run or known.fingerprint != protocol.fingerprint:
    return {}
  return {
    name: np.array(value, float) if np.ndim(value) else float(value)
    for name, value in claim['numbers'].items()
  }


def _sizes(inputs: Mapping[str, Sequence[int]]) -> dict[str, tuple[int, ...]]:
  return {name: tuple(size) for name, size in inputs.items()}
