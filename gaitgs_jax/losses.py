"""Losses: pure functions of a model's output and its batch.

`config.losses` is a dict whose keys are the names in the log; each value holds
the weight and the options of the function of that name (or of `kind`).
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

from gaitgs_jax.models.output import GaitOutput

Terms = dict[str, jax.Array]
LossFn = Callable[
  [GaitOutput, Mapping[str, jax.Array]], tuple[jax.Array, Terms]
]

# Triplets that are held at once: bounds the memory of large batches.
_TRIPLETS_AT_ONCE = 2**25


def create(config: Mapping[str, Mapping[str, Any]]) -> LossFn:
  """Builds the weighted sum of the losses in `config.losses`.

  Args:
    config: log name -> dict(weight=1.0, kind=<log name>, **options), where
      kind is one of `LOSSES`.

  Returns:
    A function of (output, batch) that returns the total and the unweighted
    terms by name; what a loss tells beside its value follows as
    '<name>_<fact>'.

  Raises:
    ValueError: for an unknown kind, or no loss at all.
  """
  if not config:
    raise ValueError('config.losses names no loss')
  parts = []
  for name, options in config.items():
    options = dict(options)
    weight, kind = options.pop('weight', 1.0), options.pop('kind', name)
    if kind not in LOSSES:
      raise ValueError(f'no loss {kind!r}; choose one of {", ".join(LOSSES)}')
    parts.append((name, weight, functools.partial(LOSSES[kind], **options)))

  def loss_fn(
    output: GaitOutput, batch: Mapping[str, jax.Array]
  ) -> tuple[jax.Array, Terms]:
    total = jnp.zeros((), output.features.dtype)
    terms: Terms = {}
    for name, weight, function in parts:
      value, facts = function(output, batch)
      total = total + weight * value
      terms[name] = value
      terms |= {f'{name}_{fact}': number for fact, number in facts.items()}
    return total, terms

  return loss_fn


def triplet(
  output: GaitOutput, batch: Mapping[str, jax.Array], *, margin: float
) -> tuple[jax.Array, Terms]:
  """Averages the triplet loss over parts; reads batch['subject'] [n].

  Args:
    output: the model's.
    batch: with 'subject' [n].
    margin: by how much a distance to another subject must be larger than one
      to the same subject.

  Returns:
    The loss, and the facts 'active' (share of the valid triplets with a
    non-zero loss) and 'distance' (mean distance of all pairs).
  """
  facts = triplet_parts(output.features, batch['subject'], margin=margin)
  n = batch['subject'].shape[0]
  same = batch['subject'][:, None] == batch['subject'][None, :]
  positives = same.sum(axis=1)
  valid = jnp.maximum((positives * (n - positives)).sum(), 1)
  return facts['loss'].mean(), {
    'active': facts['active'].mean() / valid.astype(facts['active'].dtype),
    'distance': facts['distance'].mean(),
  }


def triplet_parts(
  features: jax.Array, subject: jax.Array, *, margin: float
) -> Terms:
  """Computes the batch-all triplet loss of each part.

  Every (anchor, positive, negative) counts, the anchor itself being one of its
  positives; a part's loss is the mean over its non-zero triplets, 0 without
  any. As in the released code and GaitSet, https://arxiv.org/abs/1811.06186.

  Args:
    features: [n,p,d].
    subject: int [n].
    margin: the hinge's.

  Returns:
    'loss', 'active' (count of non-zero triplets), 'hard' (largest hinge) and
    'distance' (mean over pairs), each [p].
  """
  distance = pairwise_distance(features)
  n, p = features.shape[:2]
  same = subject[:, None] == subject[None, :]

  @jax.checkpoint
  def one_anchor(
    anchor: tuple[jax.Array, jax.Array],
  ) -> tuple[jax.Array, jax.Array, jax.Array]:
    row, positive = anchor  # [p,n], [n]
    hinge = jax.nn.relu(row[:, :, None] - row[:, None, :] + margin)
    valid = positive[:, None] & ~positive[None, :]
    hinge = jnp.where(valid[None], hinge, jnp.zeros_like(hinge))
    count = jnp.count_nonzero(hinge, axis=(1, 2))
    return hinge.sum(axis=(1, 2)), count, hinge.max(axis=(1, 2))

  rows = (distance.swapaxes(0, 1), same)
  at_once = max(1, min(n, _TRIPLETS_AT_ONCE // (p * n * n)))
  total, count, hard = jax.lax.map(one_anchor, rows, batch_size=at_once)
  active = count.sum(axis=0).astype(features.dtype)
  return {
    'loss': total.sum(axis=0) / jnp.maximum(active, 1),
    'active': active,
    'hard': hard.max(axis=0),
    'distance': distance.mean(axis=(1, 2)),
  }


def pairwise_distance(features: jax.Array) -> jax.Array:
  """Computes Euclidean distances of [n,p,d] within each part: [p,n,n].

  A sample's distance to itself is exactly 0, and so is the gradient there.
  """
  squared = jnp.square(features).sum(axis=-1).T
  # Lower precision errs as much as the margin.
  inner = jnp.einsum('npd,mpd->pnm', features, features, precision='highest')
  squared = squared[:, :, None] + squared[:, None, :] - 2 * inner
  itself = jnp.eye(features.shape[0], dtype=bool)[None]
  positive = (squared > 0) & ~itself
  root = jnp.sqrt(jnp.where(positive, squared, jnp.ones_like(squared)))
  return jnp.where(positive, root, jnp.zeros_like(root))


def view(
  output: GaitOutput, batch: Mapping[str, jax.Array]
) -> tuple[jax.Array, Terms]:
  """Cross-entropy of extras['view_logits'] [n,k] with batch['view'] [n].

  Returns:
    The loss and the fact 'accuracy'.
  """
  logits = output.extras['view_logits']
  return cross_entropy(logits, batch['view'])


def identity(
  output: GaitOutput,
  batch: Mapping[str, jax.Array],
  *,
  scale: float = 16.0,
  smoothing: float = 0.1,
) -> tuple[jax.Array, Terms]:
  """Cross-entropy of the identity logits [n,p,k] with batch['subject'] [n].

  Args:
    output: the model's.
    batch: with 'subject' [n].
    scale: times the logits.
    smoothing: the share of each target that all classes get equally.

  Returns:
    The loss, a mean over sequences and parts, and the fact 'accuracy'.

  Raises:
    ValueError: if the model has no identity head.
  """
  if output.logits is None:
    raise ValueError(
      'the identity loss needs a model with an identity head: set '
      'config.model.num_classes'
    )
  subject = jnp.broadcast_to(batch['subject'][:, None], output.logits.shape[:2])
  return cross_entropy(output.logits * scale, subject, smoothing=smoothing)


def supervised_contrastive(
  output: GaitOutput,
  batch: Mapping[str, jax.Array],
  *,
  temperature: float,
  base_temperature: float | None = None,
  distance: str = 'euclidean',
  active_only: bool = True,
) -> tuple[jax.Array, Terms]:
  """Draws samples of a subject together: the supervised contrastive loss.

  https://arxiv.org/abs/2004.11362. Each part of the features [n,p,d] is a
  sample (GaitGraph's are the two views of a sequence). A sample's loss is the
  mean, over the others of its subject, of the cross-entropy of choosing that
  one from all others; 0 for a subject's only sample.

  Args:
    output: the model's.
    batch: with 'subject' [n].
    temperature: divides the similarities.
    base_temperature: the loss is scaled by temperature / base_temperature;
      None means not at all.
    distance: 'euclidean' (the similarity is minus the distance of the samples
      scaled to length 1) or 'dot' (the inner product of the samples as they
      are).
    active_only: whether the mean is over the samples with a loss above 0
      alone.

  Returns:
    The loss, and the fact 'accuracy' (share of the samples whose most similar
    other one is of their subject).

  Raises:
    ValueError: for an unknown distance.
  """
  n, p, d = output.features.shape
  subject = jnp.repeat(batch['subject'], p)
  logits = _similarity(output.features.reshape(n * p, d), distance)
  logits = logits / temperature
  others = ~jnp.eye(n * p, dtype=bool)
  positive = (subject[:, None] == subject[None, :]) & others
  total = jax.nn.logsumexp(logits, axis=1, where=others, keepdims=True)
  losses = jnp.where(positive, total - logits, jnp.zeros_like(logits))
  count = positive.sum(axis=1).astype(logits.dtype)
  losses = losses.sum(axis=1) / jnp.maximum(count, 1)
  counted = (losses > 0) | (not active_only)
  weights = counted.astype(losses.dtype)
  loss = (losses * weights).sum() / jnp.maximum(weights.sum(), 1)
  nearest = jnp.argmax(jnp.where(others, logits, -jnp.inf), axis=1)
  hits = jnp.take_along_axis(positive, nearest[:, None], axis=1)
  scale = temperature / (base_temperature or temperature)
  return scale * loss, {'accuracy': hits.mean(dtype=logits.dtype)}


def _similarity(samples: jax.Array, distance: str) -> jax.Array:
  """Compares samples [m,d] with one another: [m,m]."""
  if distance == 'dot':
    return jnp.einsum('md,kd->mk', samples, samples, precision='highest')
  if distance != 'euclidean':
    raise ValueError(
      f"no distance {distance!r}; choose one of 'euclidean', 'dot'"
    )
  squared = jnp.square(samples).sum(axis=1, keepdims=True)
  samples = samples * jax.lax.rsqrt(squared + 1e-24)
  # By differences: those of squares would lose, of distances so small and
  # divided by so low a temperature, what the loss is made of.
  between = samples[:, None] - samples[None]
  squared = jnp.square(between).sum(axis=-1)
  root = jnp.sqrt(jnp.where(squared > 0, squared, jnp.ones_like(squared)))
  return -jnp.where(squared > 0, root, jnp.zeros_like(root))


def cross_entropy(
  logits: jax.Array, labels: jax.Array, *, smoothing: float = 0.0
) -> tuple[jax.Array, Terms]:
  """Averages the cross-entropy of logits [...,k] with class indices [...].

  Returns:
    The loss, and the fact 'accuracy'.
  """
  targets = jax.nn.one_hot(labels, logits.shape[-1], dtype=logits.dtype)
  if smoothing:
    targets = optax.smooth_labels(targets, smoothing)
  loss = optax.softmax_cross_entropy(logits, targets).mean()
  hits = jnp.argmax(logits, axis=-1).astype(labels.dtype) == labels
  return loss, {'accuracy': hits.mean(dtype=logits.dtype)}


LOSSES: dict[str, Callable[..., tuple[jax.Array, Terms]]] = {
  'triplet': triplet,
  'view': view,
  'identity': identity,
  'supervised_contrastive': supervised_contrastive,
}
