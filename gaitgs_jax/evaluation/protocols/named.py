"""Protocols by name, by file, and as results keep them."""

from collections.abc import Mapping
from typing import Any

from gaitgs_jax import dotted
from gaitgs_jax.errors import UserError, wrong_choice
from gaitgs_jax.evaluation.protocols import own
from gaitgs_jax.evaluation.protocols.benchmarks import PROTOCOLS
from gaitgs_jax.evaluation.protocols.rules import Protocol


def get_protocol(name: str | Protocol) -> Protocol:
  """Returns the protocol of that name.

  Args:
    name: of `PROTOCOLS`, the path of a JSON file, or the dotted name of a
      `Protocol` in a module of the user's own ('mypackage.corridor.PROTOCOL').

  Raises:
    UserError: there is none, or something is wrong in the file.
  """
  if isinstance(name, Protocol):
    return name
  if name.endswith('.json'):
    return own.read(name)
  if name in PROTOCOLS:
    return PROTOCOLS[name]
  if '.' in name:
    return _imported(name)
  known = wrong_choice(f'unknown protocol {name!r}', name, PROTOCOLS)
  raise UserError(f'{known}, or a .json file of your own')


def _imported(name: str) -> Protocol:
  """Returns the protocol of a dotted name."""
  found = dotted.attribute(name, 'protocol')
  if not isinstance(found, Protocol):
    raise UserError(f'unknown protocol {name!r}: that is not a Protocol')
  return found


def of_result(meta: Mapping[str, Any], default: str = '') -> Protocol | None:
  """Returns the protocol of a saved result, None if it is not said.

  Its rules stand in the result, as the user's file may have changed since;
  results of older versions have the name alone. A result may be a stranger's:
  its name opens no file and imports nothing.

  Args:
    meta: what was saved with it.
    default: the name to take where it says none.

  Raises:
    UserError: it is not known, or damaged.
  """
  if meta.get('rules'):
    return own.parse(meta['rules'], 'the rules of a saved result')
  name = meta.get('protocol') or default
  if name and name not in PROTOCOLS:
    raise wrong_choice(f'unknown protocol {name!r}', name, PROTOCOLS)
  return PROTOCOLS[name] if name else None
