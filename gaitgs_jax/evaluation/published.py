"""Published figures, shown next to ours where they are comparable.

They stand in the config that claims them (`config.published`): what they are
of, and the figures under the keys of `evaluate`, in percent.
"""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from gaitgs_jax import fields
from gaitgs_jax.errors import one_line, wrong_value
from gaitgs_jax.evaluation.protocols import PROTOCOLS, Protocol

# What a run must be of, for its numbers to be comparable.
_OF = ('protocol', 'dataset', 'model_name', 'size')


class _Claim(NamedTuple):
  """The fields of `config.published`."""

  protocol: str
  dataset: str
  model_name: str
  size: object
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
  size, numbers = claim['size'], claim['numbers']
  sides = size if isinstance(size, list | tuple) else ()
  if len(sides) != 2 or not all(type(side) is int for side in sides):
    raise wrong_value(f'{where}.size', size, 'two whole numbers')
  if not hasattr(numbers, 'items'):
    raise wrong_value(f'{where}.numbers', numbers, 'percentages by name')
  for name, value in numbers.items():
    values = value if isinstance(value, list | tuple) else [value]
    right = name.isprintable() and all(map(_is_percentage, values))
    if not right or (name.endswith('_by_probe_view') != (values is value)):
      wanted = 'a percentage, or a list of them for ..._by_probe_view'
      raise wrong_value(f'{where}.numbers: {one_line(name)}', value, wanted)


def _is_percentage(value: Any) -> bool:
  return type(value) in (int, float) and 0 <= value <= 100


def published(
  claim: Mapping[str, Any] | None,
  protocol: Protocol,
  *,
  dataset: str,
  model_name: str,
  size: Sequence[int],
  partition: str = '',
) -> dict[str, float | np.ndarray]:
  """Returns the figures to show next to a run's, or nothing.

  Args:
    claim: of the run's config, checked; figures of another protocol, dataset,
      model or size are not comparable.
    protocol: what the run was counted by.
    dataset: its data.
    model_name: such as 'gaitgs'.
    size: (height, width) of the model's frames, or (joints, 3).
    partition: of `config.dataset`; with a file of the user's own the people
      are others than the benchmark's, and nothing is comparable.

  Returns:
    Keys of `evaluate` that were published ('NM/rank1', ...), and
    'NM/rank1_by_probe_view' [views] where the paper has a row per view.
  """
  if not claim or '/' in partition or partition.endswith('.json'):
    return {}
  run = (protocol.name, dataset, model_name, tuple(size))
  *names, size_of = (claim[name] for name in _OF)
  of = (*names, tuple(size_of))
  known = PROTOCOLS.get(protocol.name, protocol)
  if of != run or known.fingerprint != protocol.fingerprint:
    return {}
  return {
    name: np.array(value, float) if np.ndim(value) else float(value)
    for name, value in claim['numbers'].items()
  }
