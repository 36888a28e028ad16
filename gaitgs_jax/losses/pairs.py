"""Losses that compare sequences, and copies of them, with one another."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from gaitgs_jax.errors import BadValue
from gaitgs_jax.losses import reading
from gaitgs_jax.losses.reading import Terms
from gaitgs_jax.models.output import GaitOutput

# Triplets that are held at once: bounds the memory of large batches.
_TRIPLETS_AT_ONCE = 2**25


def triplet(
  output: GaitOutput,
  batch: Mapping[str, jax.Array],
  *,
  margin: float,
  hardest: bool = False,
  features: str = 'features',
  labels: str = 'subject',
) -> tuple[jax.Array, Terms]:
  """Averages the triplet loss over parts.

  Args:
    output: the model's.
    batch: with the labels [n].
    margin: by how much a distance to another subject must be larger than one
      to the same subject.
    hardest: whether only one triplet of each row counts, of the farthest row of
      its subject and the nearest of another, instead of all.
    features: the output that is compared, [n,p,d].
    labels: what says which rows are alike.

  Returns:
    The loss, and the facts 'active' (share of the valid triplets with a
    non-zero loss) and 'distance' (mean distance of all pairs).
  """
  x, classes = reading.rows(output, batch, features, labels)
  facts = triplet_parts(x, classes, margin=margin, hardest=hardest)
  n = classes.shape[0]
  same = classes[:, None] == classes[None, :]
  positives = same.sum(axis=1)
  each = positives * (n - positives)
  valid = jnp.maximum((jnp.minimum(each, 1) if hardest else each).sum(), 1)
  return facts['loss'].mean(), {
    'active': facts['active'].mean() / valid.astype(facts['active'].dtype),
    'distance': facts['distance'].mean(),
  }


def triplet_parts(
  features: jax.Array,
  subject: jax.Array,
  *,
  margin: float,
  hardest: bool = False,
) -> Terms:
  """Computes the triplet loss of each part.

  Every (anchor, positive, negative) counts, the anchor itself being one of its
  positives; a part's loss is the mean over its non-zero triplets, 0 without
  any. As in the released code and GaitSet, https://arxiv.org/abs/1811.06186.
  With `hardest` there is one triplet for each anchor, as in FastPoseGait and in
  https://arxiv.org/abs/1703.07737.

  Args:
    features: [n,p,d].
    subject: int [n].
    margin: the hinge's.
    hardest: whether the farthest positive and the nearest negative of each
      anchor alone count.

  Returns:
    'loss', 'active' (count of non-zero triplets), 'hard' (largest hinge) and
    'distance' (mean over pairs), each [p].
  """
  distance = pairwise_distance(features)
  same = subject[:, None] == subject[None, :]
  if hardest:
    hinge = _hardest_hinge(distance, same, margin)
    total, hard = hinge.sum(axis=1), hinge.max(axis=1)
    count = jnp.count_nonzero(hinge, axis=1)
  else:
    total, count, hard = _all_hinges(distance, same, margin)
  active = count.astype(features.dtype)
  return {
    'loss': total / jnp.maximum(active, 1),
    'active': active,
    'hard': hard,
    'distance': distance.mean(axis=(1, 2)),
  }


def _all_hinges(
  distance: jax.Array, same: jax.Array, margin: float
) -> tuple[jax.Array, jax.Array, jax.Array]:
  """Returns sum, count and largest of all triplets' hinges, each [p]."""

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

  p, n = distance.shape[:2]
  rows = (distance.swapaxes(0, 1), same)
  at_once = max(1, min(n, _TRIPLETS_AT_ONCE // (p * n * n)))
  total, count, hard = jax.lax.map(one_anchor, rows, batch_size=at_once)
  return total.sum(axis=0), count.sum(axis=0), hard.max(axis=0)


def _hardest_hinge(
  distance: jax.Array, same: jax.Array, margin: float
) -> jax.Array:
  """Returns the hinge of each anchor's hardest triplet, [p,n]."""

  def at(places: jax.Array) -> jax.Array:
    # Picked by place, so that a gradient goes to one of equal distances.
    return jnp.take_along_axis(distance, places[..., None], axis=2)[..., 0]

  farthest = jnp.argmax(jnp.where(same[None], distance, -jnp.inf), axis=2)
  nearest = jnp.argmin(jnp.where(same[None], jnp.inf, distance), axis=2)
  hinge = jax.nn.relu(at(farthest) - at(nearest) + margin)
  return jnp.where(same.all(axis=1)[None], jnp.zeros_like(hinge), hinge)


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


def negative_cosine(
  output: GaitOutput,
  batch: Mapping[str, jax.Array],
  *,
  predictions: str = 'predictions',
  targets: str = 'features',
) -> tuple[jax.Array, Terms]:
  """Is minus the cosine of a copy's predictions and another copy's targets.

  That of SimSiam, https://arxiv.org/abs/2011.10566: a mean over parts and over
  all ordered pairs of different copies. No gradient passes the targets, which
  may be a teacher's. Labels are not needed.

  Args:
    output: the model's, of copies: [n,a,p,d].
    batch: not read.
    predictions: the output that learns.
    targets: the output that it is drawn to.

  Returns:
    The loss, and the fact 'spread': the standard deviation of the targets of
    length 1 over sequences, times the root of their channels; near 0 where
    they have collapsed to one vector, near 1 where they have not.
  """
  del batch
  x, y = reading.read(output, predictions), reading.read(output, targets)
  if x.ndim != 4 or x.shape != y.shape or x.shape[1] < 2:
    raise BadValue(
      f'{predictions!r} is {list(x.shape)} and {targets!r} {list(y.shape)}: '
      'both must be [n,a,p,d], with a copies, 2 or more: put '
      "dict(name='copies', count=2) first in config.augment"
    )
  x, y = reading.unit(x), jax.lax.stop_gradient(reading.unit(y))
  copies = x.shape[1]
  cosine = jnp.einsum('napd,nbpd->abp', x, y, precision='highest') / len(x)
  others = ~jnp.eye(copies, dtype=bool)[:, :, None]
  spread = y.std(axis=0).mean() * y.shape[-1] ** 0.5
  return -cosine.mean(where=others), {'spread': spread}


def supervised_contrastive(
  output: GaitOutput,
  batch: Mapping[str, jax.Array],
  *,
  temperature: float,
  base_temperature: float | None = None,
  distance: str = 'euclidean',
  active_only: bool = True,
  features: str = 'features',
  labels: str = 'subject',
) -> tuple[jax.Array, Terms]:
  """Draws samples of a subject together: the supervised contrastive loss.

  https://arxiv.org/abs/2004.11362. Each part of each sequence and copy is a
  sample. A sample's loss is the mean, over the others of its subject, of the
  cross-entropy of choosing that one from all others; 0 for a subject's only
  sample.

  Args:
    output: the model's.
    batch: with the labels [n].
    temperature: divides the similarities.
    base_temperature: the loss is scaled by temperature / base_temperature;
      None means not at all.
    distance: 'euclidean' (the similarity is minus the distance of the samples
      scaled to length 1) or 'dot' (the inner product of the samples as they
      are).
    active_only: whether the mean is over the samples with a loss above 0
      alone.
    features: the output that is compared, [n,p,d].
    labels: what says which samples are alike.

  Returns:
    The loss, and the fact 'accuracy' (share of the samples whose most similar
    other one is of their subject).

  Raises:
    ValueError: for an unknown distance.
  """
  x, classes = reading.rows(output, batch, features, labels)
  n, p, d = x.shape
  subject = jnp.repeat(classes, p)
  logits = _similarity(x.reshape(n * p, d), distance)
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
    raise BadValue(
      f"no distance {distance!r}; choose one of 'euclidean', 'dot'"
    )
  samples = reading.unit(samples)
  # Subtract before squaring: the expanded form cancels, and the low
  # temperature amplifies the error.
  between = samples[:, None] - samples[None]
  squared = jnp.square(between).sum(axis=-1)
  root = jnp.sqrt(jnp.where(squared > 0, squared, jnp.ones_like(squared)))
  return -jnp.where(squared > 0, root, jnp.zeros_like(root))
