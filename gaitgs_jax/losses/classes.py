"""Losses of classes, and of maps of two classes."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

from gaitgs_jax.errors import BadValue
from gaitgs_jax.losses import reading
from gaitgs_jax.losses.reading import Terms
from gaitgs_jax.models.output import GaitOutput


def cross_entropy(
  output: GaitOutput,
  batch: Mapping[str, jax.Array],
  *,
  logits: str = 'logits',
  labels: str = 'subject',
  scale: float = 1.0,
  smoothing: float = 0.0,
) -> tuple[jax.Array, Terms]:
  """Averages the cross-entropy of a head's logits [n,...,k].

  Args:
    output: the model's.
    batch: with the labels [n], class indices.
    logits: the output that is read, [n,k] or [n,p,k].
    labels: the classes.
    scale: times the logits.
    smoothing: the share of each target that all classes get equally.

  Returns:
    The loss, a mean over sequences and parts, and the fact 'accuracy'.
  """
  x, classes = reading.read(output, logits), reading.labels_of(batch, labels)
  middle = (1,) * (x.ndim - 2)
  classes = jnp.broadcast_to(classes.reshape(-1, *middle), x.shape[:-1])
  # The product by 1 is left out: the compiled step stays the same.
  x = x * scale if scale != 1 else x
  targets = jax.nn.one_hot(classes, x.shape[-1], dtype=x.dtype)
  if smoothing:
    targets = optax.smooth_labels(targets, smoothing)
  loss = optax.softmax_cross_entropy(x, targets).mean()
  hits = jnp.argmax(x, axis=-1).astype(classes.dtype) == classes
  return loss, {'accuracy': hits.mean(dtype=x.dtype)}


def _preset(
  function: Callable[..., tuple[jax.Array, Terms]],
  summary: str,
  **defaults: Any,
) -> Callable[..., tuple[jax.Array, Terms]]:
  """Returns a loss with other defaults and another first line."""
  preset = functools.partial(function, **defaults)
  _, _, rest = (function.__doc__ or '').partition('\n\n')
  preset.__doc__ = f'{summary}\n\n{rest}'
  return preset


view = _preset(
  cross_entropy,
  'Is `cross_entropy` of the logits of views.',
  logits='view_logits',
  labels='view',
)
identity = _preset(
  cross_entropy,
  'Is `cross_entropy` of the identity head, scaled and smoothed as published.',
  scale=16.0,
  smoothing=0.1,
)


def binary_cross_entropy(
  output: GaitOutput,
  batch: Mapping[str, jax.Array],
  *,
  maps: str,
  targets: str,
  probabilities: bool = False,
) -> tuple[jax.Array, Terms]:
  """Averages the binary cross-entropy of maps [n,s,...] over valid frames.

  Args:
    output: the model's.
    batch: with mask [n,s], which frames are valid.
    maps: the output that is read: logits, one for each place of the targets.
    targets: what they should be, 0..1: one of the model's outputs, such as the
      silhouettes that it saw, or an array of the batch; uint8 is divided by
      255.
    probabilities: whether the maps are probabilities instead, as in GaitEdge
      (https://arxiv.org/abs/2203.03972), which adds 1e-9 before the logarithm.

  Returns:
    The loss, and the fact 'accuracy' (share of the places on the right side of
    one half).
  """
  x = reading.read(output, maps)
  target = batch[targets] if targets in batch else reading.read(output, targets)
  if target.size != x.size or len(target) != len(x):
    raise BadValue(
      f'the maps {maps!r} are {list(x.shape)}, but {targets!r} is '
      f'{list(target.shape)}'
    )
  target = jax.lax.stop_gradient(target).reshape(x.shape)
  if target.dtype == jnp.uint8:
    target = target.astype(x.dtype) / 255
  target = target.astype(x.dtype)
  if probabilities:
    losses = -target * jnp.log(x + 1e-9) - (1 - target) * jnp.log(1 - x + 1e-9)
  else:
    losses = optax.sigmoid_binary_cross_entropy(x, target)
  mask = _of_frames(batch['mask'], x)
  hits = (x > (0.5 if probabilities else 0)) == (target > 0.5)
  accuracy = hits.mean(dtype=x.dtype, where=mask)
  return losses.mean(where=mask), {'accuracy': accuracy}


def _of_frames(mask: jax.Array, maps: jax.Array) -> jax.Array:
  """Returns a mask [n,s] as one of maps [n,s,...]; others count whole."""
  if maps.shape[: mask.ndim] != mask.shape:
    mask = jnp.ones(mask.shape[:1], bool)
  return mask.reshape(*mask.shape, *(1,) * (maps.ndim - mask.ndim))
