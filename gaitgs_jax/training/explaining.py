"""What a model looks at: which pixels, or which joints, of every frame.

A silhouette model is asked by the gradient (Simonyan et al. 2013,
https://arxiv.org/abs/1312.6034) of what decides whether a walk is recognised:
how much further the nearest stranger is than the subject's own nearest other
sequence. It is averaged over noisy copies of the walk (SmoothGrad, Smilkov et
al. 2017, https://arxiv.org/abs/1706.03825). A skeleton model is asked for its
activations.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import distance
from gaitgs_jax.input.augment import Transform
from gaitgs_jax.input.pipeline import Batch
from gaitgs_jax.modalities import MODALITIES, Shapes
from gaitgs_jax.models import GaitOutput
from gaitgs_jax.training import states
from gaitgs_jax.training.states import Arrays
from gaitgs_jax.training.steps import DeviceBatch

_SAMPLES = 32
_NOISE = 0.15  # Standard deviation; silhouettes lie in 0..1.
_KEPT = 99  # The percentile of all gradients that is drawn as the greatest.


class Explained(NamedTuple):
  """A walk as the model sees it, and where it looks.

  Attributes:
    inputs: float32 [s,h,w] in 0..1, or [s,v,3].
    heat: float32 [s,h,w] or [s,v] in 0..1.
  """

  inputs: np.ndarray
  heat: np.ndarray


class Neighbours(NamedTuple):
  """A walk's nearest sequences: rows of the gallery, and how far they are."""

  own: int
  stranger: int
  own_distance: float
  stranger_distance: float


def neighbours(
  embeddings: np.ndarray, subjects: np.ndarray, walk: int, metric: str
) -> Neighbours:
  """Returns the nearest other sequence of the same subject and of another.

  Args:
    embeddings: [N,p,d].
    subjects: names [N], with another sequence of the walk's and one of
      another subject's.
    walk: row of the sequence that is asked about.
    metric: of `evaluation.distance.METRICS`.
  """
  one = embeddings[walk : walk + 1]
  far = np.asarray(distance.pairwise(one, embeddings, metric=metric))[0]
  same = subjects == subjects[walk]
  itself = np.arange(len(subjects)) == walk
  own = int(np.argmin(np.where(same & ~itself, far, np.inf)))
  stranger = int(np.argmin(np.where(same, np.inf, far)))
  return Neighbours(own, stranger, float(far[own]), float(far[stranger]))


def saliency(
  graphdef: nnx.GraphDef,
  params: Arrays,
  stats: Arrays,
  batch: Batch,
  own: np.ndarray,
  stranger: np.ndarray,
  *,
  sizes: Shapes,
  transform: Transform,
  metric: str,
) -> Explained:
  """Returns where a change of the silhouettes would change the margin most.

  The margin is the distance to the stranger less that to the own sequence.

  Args:
    graphdef: the model's static part, of `states.split`.
    params: the model's.
    stats: the model's.
    batch: one sequence, silhouettes uint8 [1,s,h,w] and mask bool [1,s].
    own: embedding [p,d] of another sequence of the subject's.
    stranger: embedding [p,d] of another subject's.
    sizes: of the frames that the model sees, see `input.augment.inputs`.
    transform: what happens to them, of `input.augment.create`.
    metric: of `evaluation.distance.METRICS`.
  """

  def margin(
    inputs: jax.Array, mask: jax.Array, params: Arrays, stats: Arrays
  ) -> jax.Array:
    embedding = _call(graphdef, params, stats, inputs, mask).embedding[0]
    far = _distance(embedding, jnp.asarray(stranger), metric)
    return far - _distance(embedding, jnp.asarray(own), metric)

  @jax.jit
  def gradients(
    params: Arrays, stats: Arrays, batch: DeviceBatch
  ) -> tuple[jax.Array, ...]:
    inputs, mask = transform.of_batch(batch, sizes)

    def noisy(key: jax.Array) -> jax.Array:
      noise = _NOISE * jax.random.normal(key, inputs.shape, inputs.dtype)
      return jax.grad(margin)(inputs + noise, mask, params, stats)

    keys = jax.random.split(jax.random.key(0), _SAMPLES)
    return inputs, mask, jax.lax.map(noisy, keys).mean(axis=0)

  inputs, mask, gradient = gradients(params, stats, _of_model(batch))
  valid = np.asarray(mask[0])
  heat = np.abs(np.asarray(gradient, np.float32))[0, valid, ..., 0]
  top = np.percentile(heat[heat > 0], _KEPT) if heat.any() else 1.0
  frames = np.asarray(inputs[0], np.float32)[valid, ..., 0]
  return Explained(frames, np.minimum(heat / top, 1))


def activations(
  graphdef: nnx.GraphDef,
  params: Arrays,
  stats: Arrays,
  batch: Batch,
  *,
  sizes: Shapes,
  transform: Transform,
) -> Explained:
  """Returns how much every joint of every frame activates a skeleton model.

  Args:
    graphdef: the model's static part, of `states.split`.
    params: the model's.
    stats: the model's.
    batch: one sequence, keypoints float32 [1,s,v,3] and mask bool [1,s].
    sizes: of the skeletons that the model sees, see `input.augment.inputs`.
    transform: what happens to them, of `input.augment.create`.

  Raises:
    UserError: the model has no method `activations`.
  """
  kind = type(states.join(graphdef, params, stats))
  if not hasattr(kind, 'activations'):
    raise UserError(
      f'{kind.__name__} has no method activations(keypoints, mask), which '
      'pictures of a skeleton model show'
    )

  @jax.jit
  def activate(
    params: Arrays, stats: Arrays, batch: DeviceBatch
  ) -> tuple[jax.Array, ...]:
    inputs, mask = transform.of_batch(batch, sizes)
    model: Any = states.join(graphdef, params, stats)
    return inputs, mask, model.activations(inputs, mask)

  inputs, mask, heat = activate(params, stats, _of_model(batch))
  valid = np.asarray(mask[0])
  return Explained(
    np.asarray(inputs[0], np.float32)[valid],
    np.asarray(heat[0], np.float32)[valid],
  )


def _call(
  graphdef: nnx.GraphDef,
  params: Arrays,
  stats: Arrays,
  inputs: jax.Array,
  mask: jax.Array,
) -> GaitOutput:
  model: Callable[..., GaitOutput] = states.join(graphdef, params, stats)
  return model(inputs, mask)


def _of_model(batch: Batch) -> Batch:
  return {k: v for k, v in batch.items() if k in (*MODALITIES, 'mask')}


def _distance(x: jax.Array, y: jax.Array, metric: str) -> jax.Array:
  """Returns the distance of two embeddings [p,d], with a gradient throughout.

  A part that sees nobody has the same embedding in every walk, where the
  distance of `evaluation.distance` has no gradient.
  """
  x, y = x.astype(jnp.float32), y.astype(jnp.float32)
  if metric == 'cosine':
    lengths = _length(x) * _length(y)
    return 1 - (jnp.sum(x * y, axis=-1) / lengths).mean()
  return _length(x - y).mean()


def _length(x: jax.Array) -> jax.Array:
  return jnp.sqrt(jnp.sum(x * x, axis=-1) + 1e-12)
