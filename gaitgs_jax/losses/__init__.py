"""Losses: pure functions of a model's output and its batch.

`config.losses` is a dict whose keys are the names in the log; each value holds
the weight and the options of the function of that name (or of `kind`).

A loss names the arrays that it reads. Of the output they are 'embedding',
'features', 'logits' or one of the extras; the labels are of the batch:
'subject', 'view', 'condition' or 'sequence'. Where `config.augment` makes
a copies of each sequence, arrays of the output have an axis more,
[n,a,...]; to losses that compare sequences the copies are rows like others.
With `config.teacher` the teacher's arrays are there too: 'teacher/features'.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from gaitgs_jax import dotted
from gaitgs_jax.errors import BadValue
from gaitgs_jax.losses.classes import (
  binary_cross_entropy,
  cross_entropy,
  identity,
  view,
)
from gaitgs_jax.losses.pairs import (
  negative_cosine,
  pairwise_distance,
  supervised_contrastive,
  triplet,
  triplet_parts,
)
from gaitgs_jax.losses.reading import LABELS, Terms, arrays, read
from gaitgs_jax.models.output import GaitOutput

__all__ = [
  'LABELS',
  'LOSSES',
  'OF_PAIRS',
  'LossFn',
  'arrays',
  'binary_cross_entropy',
  'create',
  'cross_entropy',
  'function',
  'identity',
  'labels_of',
  'negative_cosine',
  'pairs_in',
  'pairwise_distance',
  'read',
  'reads_logits',
  'supervised_contrastive',
  'triplet',
  'triplet_parts',
  'view',
]

LossFn = Callable[
  [GaitOutput, Mapping[str, jax.Array]], tuple[jax.Array, Terms]
]
LOSSES: dict[str, Callable[..., tuple[jax.Array, Terms]]] = {
  'triplet': triplet,
  'cross_entropy': cross_entropy,
  'view': view,
  'identity': identity,
  'supervised_contrastive': supervised_contrastive,
  'binary_cross_entropy': binary_cross_entropy,
  'negative_cosine': negative_cosine,
}
# Those that compare rows of equal labels with others.
OF_PAIRS = ('triplet', 'supervised_contrastive')


def create(config: Mapping[str, Mapping[str, Any]]) -> LossFn:
  """Builds the weighted sum of the losses in `config.losses`.

  Args:
    config: log name -> dict(weight=1.0, kind=<log name>, **options), where
      kind is one of `LOSSES`, or a dotted name, see `function`.

  Returns:
    A function of (output, batch) that returns the total and the unweighted
    terms by name; further facts of a loss follow as
    '<name>_<fact>'.

  Raises:
    ValueError: for an unknown kind, or no loss at all.
  """
  if not config:
    raise BadValue('it names no loss')
  parts = []
  for name, options in config.items():
    options = dict(options)
    weight, kind = options.pop('weight', 1.0), options.pop('kind', name)
    parts.append((name, weight, functools.partial(function(kind), **options)))

  def loss_fn(
    output: GaitOutput, batch: Mapping[str, jax.Array]
  ) -> tuple[jax.Array, Terms]:
    total = jnp.zeros((), output.features.dtype)
    terms: Terms = {}
    for name, weight, loss in parts:
      value, facts = loss(output, batch)
      total = total + weight * value
      terms[name] = value
      terms |= {f'{name}_{fact}': number for fact, number in facts.items()}
    return total, terms

  return loss_fn


def function(kind: str) -> Callable[..., tuple[jax.Array, Terms]]:
  """Returns the function of a loss.

  Args:
    kind: of `LOSSES`, or the dotted name of a function of the user's own, such
      as 'mypackage.losses.mine': (output, batch, *, options) -> (value, facts).

  Raises:
    ValueError: there is none.
  """
  if kind in LOSSES:
    return LOSSES[kind]
  if '.' in kind:
    return dotted.function(kind, 'loss')
  raise BadValue(f'no loss {kind!r}; choose one of {", ".join(LOSSES)}')


def labels_of(config: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
  """Returns which labels of the batch each loss of `config.losses` reads.

  Returns:
    Log name -> name of the labels; losses without labels are left out.
  """
  return {
    name: options.get('labels', parameters['labels'].default)
    for name, options in config.items()
    if 'labels' in (parameters := _parameters(name, options))
  }


def reads_logits(config: Mapping[str, Mapping[str, Any]]) -> bool:
  """Returns whether a loss of `config.losses` reads the identity head."""
  return any(
    options.get(name, parameter.default) == 'logits'
    for loss, options in config.items()
    for name, parameter in _parameters(loss, options).items()
  )


def pairs_in(config: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
  """Returns which losses of `config.losses` compare rows of equal labels.

  Returns:
    Log name -> name of the labels.
  """
  found = labels_of(config)
  return {
    name: found[name]
    for name, options in config.items()
    if options.get('kind', name) in OF_PAIRS
  }


def _parameters(
  name: str, options: Mapping[str, Any]
) -> Mapping[str, inspect.Parameter]:
  return inspect.signature(function(options.get('kind', name))).parameters
