"""Normalisation of batches and of channels."""

import contextlib
import contextvars
import math
from collections.abc import Iterator

import jax
import jax.numpy as jnp
from flax import nnx

from gaitgs_jax.models import initializers
from gaitgs_jax.models.layers import wide

# How much a batch weighs in the running statistics.
_momentum: contextvars.ContextVar[jax.Array | float] = contextvars.ContextVar(
  'momentum', default=0.1
)


@contextlib.contextmanager
def statistics_momentum(share: jax.Array | float) -> Iterator[None]:
  """Sets what a batch weighs in the running statistics of what is traced.

  1, 1/2, 1/3, ... of successive batches give their mean, as torch's
  momentum=None does.
  """
  token = _momentum.set(share)
  try:
    yield
  finally:
    _momentum.reset(token)


# Our names in `BatchNorm`, and torch's.
NORM_TORCH_NAMES = (
  ('scale', 'weight'),
  ('bias', 'bias'),
  ('mean', 'running_mean'),
  ('variance', 'running_var'),
)


def norm_torch_names(
  ours: str, theirs: str, layout: str = 'same'
) -> Iterator[tuple[str, list[str], str]]:
  """Names the arrays of a `BatchNorm` in torch; see `cstl.torch_names`."""
  for array, name in NORM_TORCH_NAMES:
    yield f'{ours}/{array}', [f'{theirs}.{name}'], layout


class BatchNorm(nnx.Module):
  """Batch normalisation; the trailing axes have statistics of their own.

  Follows torch.nn.BatchNorm1d: eps 1e-5, momentum 0.1 (`statistics_momentum`
  changes it), the biased variance normalises, the unbiased one enters the
  running value.

  Args:
    *shape: of the statistics, such as (c,), or (p, c) for each part by itself.
    scale: the initial one.
    rngs: draws the initial scale from N(1, 0.02) instead.

  Attributes:
    frozen: whether the running statistics are used in training too, and stay.
    learns_bias: whether the bias gets a gradient.
  """

  frozen = False
  learns_bias = True

  def __init__(
    self, *shape: int, scale: float = 1.0, rngs: nnx.Rngs | None = None
  ):
    if rngs is None:
      self.scale = nnx.Param(scale * jnp.ones(shape))
    else:
      self.scale = nnx.Param(1 + 0.02 * initializers.normal(rngs, shape))
    self.bias = nnx.Param(jnp.zeros(shape))
    self.mean = nnx.BatchStat(jnp.zeros(shape))
    self.variance = nnx.BatchStat(jnp.ones(shape))

  def __call__(
    self, x: jax.Array, mask: jax.Array | None = None, *, train: bool
  ) -> jax.Array:
    """Normalises x [...,*shape], in float32 or wider.

    Args:
      x: what is normalised.
      mask: bool, over x's leading axes, such as [n,s]: what enters the
        statistics; None means everything.
      train: whether to normalise by the statistics of x, which then enter the
        running ones; not if the layer is frozen.
    """
    x = x.astype(wide(x.dtype))
    mean, variance = self.mean[...], self.variance[...]
    if train and not self.frozen:
      running = mean, variance
      mean, variance, count = _moments(x, mask, x.ndim - mean.ndim)
      unbiased = variance * (count / jnp.maximum(count - 1, 1))
      share = jnp.asarray(_momentum.get(), x.dtype)
      self.mean[...] = (1 - share) * running[0] + share * mean
      self.variance[...] = (1 - share) * running[1] + share * unbiased
    scale = self.scale[...] * jax.lax.rsqrt(variance + 1e-5)
    ahead = (None,) * (x.ndim - mean.ndim)
    bias = self.bias[...]
    bias = bias if self.learns_bias else jax.lax.stop_gradient(bias)
    return (x - mean[ahead]) * scale[ahead] + bias[ahead]


def _moments(
  x: jax.Array, mask: jax.Array | None, leading: int
) -> tuple[jax.Array, jax.Array, jax.Array]:
  """Returns mean, biased variance and count over x's leading axes.

  Values outside the mask may be anything finite.
  """
  count = jnp.asarray(math.prod(x.shape[:leading]), x.dtype)
  if mask is not None:
    count = count * mask.mean(dtype=x.dtype)
  mean = _mean(x, mask, leading)
  ahead = (None,) * leading
  return mean, _mean(jnp.square(x - mean[ahead]), mask, leading), count


def _mean(x: jax.Array, mask: jax.Array | None, leading: int) -> jax.Array:
  """Averages x over its leading axes, those behind the mask's first.

  XLA on CPU adds up one by one: the sum of a hundred thousand pixels of a batch
  of frames is off by 1e-4, a mean of rows' means is not.
  """
  while mask is not None and leading > mask.ndim:
    leading -= 1
    x = x.mean(axis=leading)
  if mask is None:
    return x.mean(axis=tuple(range(leading)))
  # As x.mean(where=mask), which would count the mask at every channel.
  count = mask.sum(dtype=jnp.int32).astype(x.dtype)
  mask = mask.reshape(*mask.shape, *(1,) * (x.ndim - mask.ndim))
  return x.sum(axis=tuple(range(leading)), where=mask) / count


class LayerNorm(nnx.Module):
  """Layer normalisation over channels, eps 1e-5, in float32 or wider."""

  def __init__(self, channels: int):
    self.scale = nnx.Param(jnp.ones((channels,)))
    self.bias = nnx.Param(jnp.zeros((channels,)))

  def __call__(self, x: jax.Array) -> jax.Array:
    """Normalises tokens [n,s,c]."""
    x = x.astype(wide(x.dtype))
    x = jax.nn.standardize(x, epsilon=1e-5)
    scale, bias = self.scale[...], self.bias[...]
    return x * scale[None, None] + bias[None, None]
