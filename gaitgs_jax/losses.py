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
import optax

from gaitgs_jax import dotted
from gaitgs_jax.errors import BadValue, did_you_mean
from gaitgs_jax.models.output import GaitOutput

Terms = dict[str, jax.Array]
LossFn = Callable[
  [GaitOutput, Mapping[str, jax.Array]], tuple[jax.Array, Terms]
]

# Labels of a batch, int [n] each.
LABELS = ('subject', 'view', 'condition', 'sequence')
# Triplets that are held at once: bounds the memory of large batches.
_TRIPLETS_AT_ONCE = 2**25


def create(config: Mapping[str, Mapping[str, Any]]) -> LossFn:
  """Builds the weighted sum of the losses in `config.losses`.

  Args:
    config: log name -> dict(weight=1.0, kind=<log name>, **options), where
      kind is one of `LOSSES`, or a dotted name, see `function`.

  Returns:
    A function of (output, batch) that returns the total and the unweighted
    terms by name; what a loss tells beside its value follows as
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
      "the model has no identity head, whose 'logits' a loss reads: set "
      'config.model.num_classes'
    )
  if name not in found:
    raise BadValue(
      f'the model has no output {name!r}{did_you_mean(name, found)}; it has '
      f'{", ".join(found)}'
    )
  return found[name]


def _labels(batch: Mapping[str, jax.Array], name: str) -> jax.Array:
  if name not in LABELS:
    raise BadValue(
      f'there are no labels {name!r}{did_you_mean(name, LABELS)}; choose one '
      f'of {", ".join(LABELS)}'
    )
  return batch[name]


def _rows(
  output: GaitOutput,
  batch: Mapping[str, jax.Array],
  features: str,
  labels: str,
) -> tuple[jax.Array, jax.Array]:
  """Returns features [m,p,d] and labels [m] of all sequences and copies."""
  x, classes = read(output, features), _labels(batch, labels)
  if x.ndim not in (3, 4) or len(x) != len(classes):
    raise BadValue(
      f'{features!r} is {list(x.shape)}: features [n,p,d] are expected, or '
      '[n,a,p,d] of copies'
    )
  if x.ndim == 4:
    classes = jnp.repeat(classes, x.shape[1])
    x = x.reshape(-1, *x.shape[2:])
  return x, classes


def triplet(
  output: GaitOutput,
  batch: Mapping[str, jax.Array],
  *,
  margin: float,
  features: str = 'features',
  labels: str = 'subject',
) -> tuple[jax.Array, Terms]:
  """Averages the triplet loss over parts.

  Args:
    output: the model's.
    batch: with the labels [n].
    margin: by how much a distance to another subject must be larger than one
      to the same subject.
    features: the output that is compared, [n,p,d].
    labels: what says which rows are alike.

  Returns:
    The loss, and the facts 'active' (share of the valid triplets with a
    non-zero loss) and 'distance' (mean distance of all pairs).
  """
  x, classes = _rows(output, batch, features, labels)
  facts = triplet_parts(x, classes, margin=margin)
  n = classes.shape[0]
  same = classes[:, None] == classes[None, :]
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
  x, classes = read(output, logits), _labels(batch, labels)
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
  x = read(output, maps)
  target = batch[targets] if targets in batch else read(output, targets)
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
  x, y = read(output, predictions), read(output, targets)
  if x.ndim != 4 or x.shape != y.shape or x.shape[1] < 2:
    raise BadValue(
      f'{predictions!r} is {list(x.shape)} and {targets!r} {list(y.shape)}: '
      'both must be [n,a,p,d], with a copies, 2 or more: put '
      "dict(name='copies', count=2) first in config.augment"
    )
  x, y = _unit(x), jax.lax.stop_gradient(_unit(y))
  copies = x.shape[1]
  cosine = jnp.einsum('napd,nbpd->abp', x, y, precision='highest') / len(x)
  others = ~jnp.eye(copies, dtype=bool)[:, :, None]
  spread = y.std(axis=0).mean() * y.shape[-1] ** 0.5
  return -cosine.mean(where=others), {'spread': spread}


def _unit(x: jax.Array) -> jax.Array:
  """Scales vectors [...,d] to length 1; zeros stay."""
  squared = jnp.square(x).sum(axis=-1, keepdims=True)
  return x * jax.lax.rsqrt(squared + 1e-24)


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
  x, classes = _rows(output, batch, features, labels)
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
  samples = _unit(samples)
  # Subtract before squaring: the expanded form cancels, and the low
  # temperature amplifies the error.
  between = samples[:, None] - samples[None]
  squared = jnp.square(between).sum(axis=-1)
  root = jnp.sqrt(jnp.where(squared > 0, squared, jnp.ones_like(squared)))
  return -jnp.where(squared > 0, root, jnp.zeros_like(root))


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
