"""What losses read: arrays of a model's output, and labels of its batch."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from gaitgs_jax.errors import BadValue, did_you_mean
from gaitgs_jax.models.output import GaitOutput

# Facts of a loss next to its value, by name.
Terms = dict[str, jax.Array]
# Labels of a batch, int [n] each.
LABELS = ('subject', 'view', 'condition', 'sequence')


def arrays(output: GaitOutput) -> dict[str, jax.Array]:
  """Returns what a model returned, by the names that losses read it by."""
  own = {
    'embedding': output.embedding,
    'features': output.features,
    'logits': output.logits,
  }
  found = {name: array for name, array in own.items() if array is not None}
  return {**found, **output.extras}


def read(output: GaitOutput, name: str) -> jax.Array:
  """Returns an array of a model's output by its name.

  Args:
    output: the model's.
    name: 'embedding', 'features', 'logits', or that of one of the extras.

  Raises:
    ValueError: the output has no such array.
  """
  found = arrays(output)
  if name == 'logits' and output.logits is None:
    raise BadValue(
      "the model has no identity head, whose 'logits' a loss reads: take a "
      'model with one, and leave config.model.num_classes out'
    )
  if name not in found:
    raise BadValue(
      f'the model has no output {name!r}{did_you_mean(name, found)}; it has '
      f'{", ".join(found)}'
    )
  return found[name]


def labels_of(batch: Mapping[str, jax.Array], name: str) -> jax.Array:
  """Returns the labels int [n] of a batch by their name.

  Raises:
    ValueError: there are none of that name.
  """
  if name not in LABELS:
    raise BadValue(
      f'there are no labels {name!r}{did_you_mean(name, LABELS)}; choose one '
      f'of {", ".join(LABELS)}'
    )
  return batch[name]


def rows(
  output: GaitOutput,
  batch: Mapping[str, jax.Array],
  features: str,
  labels: str,
) -> tuple[jax.Array, jax.Array]:
  """Returns features [m,p,d] and labels [m] of all sequences and copies."""
  x, classes = read(output, features), labels_of(batch, labels)
  if x.ndim not in (3, 4) or len(x) != len(classes):
    raise BadValue(
      f'{features!r} is {list(x.shape)}: features [n,p,d] are expected, or '
      '[n,a,p,d] of copies'
    )
  if x.ndim == 4:
    classes = jnp.repeat(classes, x.shape[1])
    x = x.reshape(-1, *x.shape[2:])
  return x, classes


def unit(x: jax.Array) -> jax.Array:
  """Scales vectors [...,d] to length 1; zeros stay."""
  squared = jnp.square(x).sum(axis=-1, keepdims=True)
  return x * jax.lax.rsqrt(squared + 1e-24)
