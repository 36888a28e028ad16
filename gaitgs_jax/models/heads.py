"""From maps to embeddings of body parts, and to cosines with classes."""

import math
from collections.abc import Iterator, Sequence

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from gaitgs_jax.models import layers, norms
from gaitgs_jax.models.layers import SeparateDense
from gaitgs_jax.models.output import GaitOutput


def pool_strips(x: jax.Array, bins: Sequence[int]) -> jax.Array:
  """Pools horizontal strips of maps [n,h,w,c] by mean + max: [n,p,c].

  Args:
    x: the maps.
    bins: numbers of strips; the maps are cut into each of them in turn, so that
      p is their sum.

  Raises:
    ValueError: a number does not divide the height.
  """
  x = x[:, None]
  strips = [layers.strips_to_parts(x, parts)[:, 0] for parts in bins]
  return jnp.concatenate(strips, axis=1)


def generalized_mean(
  x: jax.Array, power: jax.Array, axes: tuple[int, ...]
) -> jax.Array:
  """Pools x over axes: (mean x^power)^(1/power), of values of 1e-6 and more.

  As logsumexp, because the clamp's 1e-6^6.5 is below float32's smallest
  normal number.
  """
  logs = jnp.log(layers.larger(x, jnp.full_like(x, 1e-6)))
  total = jax.nn.logsumexp(power * logs, axis=axes)
  count = jnp.asarray(math.prod(x.shape[axis] for axis in axes), x.dtype)
  return jnp.exp((total - jnp.log(count)) / power)


class Neck(nnx.Module):
  """A BatchNorm between the metric loss and a classifier by cosines.

  The "BNNeck" of Luo et al., https://arxiv.org/abs/1903.07071, for each part.
  """

  def __init__(
    self,
    parts: int,
    features: int,
    num_classes: int,
    *,
    rngs: nnx.Rngs,
    dtype: DTypeLike,
  ):
    # As released: one flat norm, a feature's parts side by side.
    self.norm = norms.BatchNorm(features * parts, rngs=rngs)
    self.identity = SeparateDense(
      parts, features, num_classes, rngs=rngs, dtype=dtype
    )

  def __call__(
    self, x: jax.Array, *, train: bool
  ) -> tuple[jax.Array, jax.Array]:
    """Maps embeddings [n,p,d] to cosines with classes.

    Returns:
      The embeddings behind the norm, of length 1, [n,p,d], and the cosines
      [n,p,k].
    """
    n, p, d = x.shape
    flat = x.swapaxes(1, 2).reshape(n, d * p)
    x = self.norm(flat, train=train).reshape(n, d, p).swapaxes(1, 2)
    x = x * _inverse_length(x, axis=2)
    weights = self.identity.kernel[...].astype(x.dtype)
    scale = _inverse_length(weights, axis=1).swapaxes(0, 1)
    return x, self.identity(x).astype(x.dtype) * scale


def head_and_neck(
  parts: int,
  channels: int,
  features: int,
  num_classes: int,
  *,
  rngs: nnx.Rngs,
  dtype: DTypeLike,
) -> tuple[SeparateDense, Neck]:
  """Returns what embeds parts of so many channels, see `embed_parts`."""
  return (
    SeparateDense(parts, channels, features, rngs=rngs, dtype=dtype),
    Neck(parts, features, num_classes, rngs=rngs, dtype=dtype),
  )


def embed_parts(
  parts: jax.Array,
  head: SeparateDense,
  neck: Neck,
  *,
  behind_neck: bool = False,
  train: bool,
) -> GaitOutput:
  """Embeds body parts, and compares them with classes.

  Args:
    parts: [n,p,c], see `pool_strips`.
    head: makes their embeddings.
    neck: makes the cosines with classes.
    behind_neck: whether the embedding is that behind the neck.
    train: whether to use the batch's own statistics.

  Returns:
    embedding and features [n,p,d]; logits [n,p,k].
  """
  features = head(parts)
  features = features.astype(layers.wide(features.dtype))
  behind, cosines = neck(features, train=train)
  embedding = behind if behind_neck else features
  return GaitOutput(embedding=embedding, features=features, logits=cosines)


def _inverse_length(x: jax.Array, axis: int) -> jax.Array:
  return jax.lax.rsqrt(jnp.square(x).sum(axis=axis, keepdims=True) + 1e-24)


def torch_names(head: str = 'FCs') -> Iterator[tuple[str, list[str], str]]:
  """Names OpenGait's weights of a model's `head`, a SeparateDense, and `neck`.

  See `cstl.torch_names`.

  Args:
    head: what it calls the head.
  """
  yield 'head/kernel', [f'{head}.fc_bin'], 'same'
  yield 'neck/identity/kernel', ['BNNecks.fc_bin'], 'same'
  yield from norms.norm_torch_names('neck/norm', 'BNNecks.bn1d')
