"""Normalisation of batches and of channels."""

import contextlib
import contextvars
import math
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from gaitgs_jax.models import initializers
from gaitgs_jax.models.layers import wide

# Torch's, of a variance.
_EPSILON = 1e-5
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
    mean, variance = self.mean[...], self.variance[...]
    scale, bias = self.scale[...], self.bias[...]
    bias = bias if self.learns_bias else jax.lax.stop_gradient(bias)
    if self.frozen or not train:
      return _scaled(x, mean, variance, scale, bias)
    running = mean, variance
    y, (mean, variance, count) = _normalised(x, mask, scale, bias)
    unbiased = variance * (count / jnp.maximum(count - 1, 1))
    share = jnp.asarray(_momentum.get(), y.dtype)
    self.mean[...] = (1 - share) * running[0] + share * mean
    self.variance[...] = (1 - share) * running[1] + share * unbiased
    return y


def _scaled(
  x: jax.Array,
  mean: jax.Array,
  variance: jax.Array,
  scale: jax.Array,
  bias: jax.Array,
) -> jax.Array:
  """Normalises x [...,*shape] by statistics [*shape]."""
  ahead = (None,) * (x.ndim - mean.ndim)
  scale = scale * jax.lax.rsqrt(variance + _EPSILON)
  return (x.astype(wide(x.dtype)) - mean[ahead]) * scale[ahead] + bias[ahead]


@jax.custom_vjp
def _normalised(
  x: jax.Array, mask: jax.Array | None, scale: jax.Array, bias: jax.Array
) -> tuple[jax.Array, tuple[jax.Array, jax.Array, jax.Array]]:
  """Normalises x by its own statistics.

  The gradient is written out, in two sums and one pass: what XLA on CPU makes
  of the chain rule takes longer (docs/results.md).

  Args:
    x: [...,*shape].
    mask: over x's leading axes, or None.
    scale: [*shape].
    bias: [*shape].

  Returns:
    The result, and mean, biased variance and count; no gradient enters by
    these.
  """
  wide_x = x.astype(wide(x.dtype))
  moments = _moments(wide_x, mask, x.ndim - scale.ndim)
  return _scaled(x, *moments[:2], scale, bias), moments


def _normalised_forward(
  x: jax.Array, mask: jax.Array | None, scale: jax.Array, bias: jax.Array
) -> tuple[Any, Any]:
  y, moments = _normalised(x, mask, scale, bias)
  return (y, moments), (x, mask, scale, moments)


def _normalised_backward(kept: Any, given: Any) -> tuple[Any, ...]:
  x, mask, scale, (mean, variance, count) = kept
  dy = given[0]
  leading = x.ndim - scale.ndim
  ahead = (None,) * leading
  deviation = jax.lax.rsqrt(variance + _EPSILON)
  standard = (x.astype(dy.dtype) - mean[ahead]) * deviation[ahead]
  dbias, dscale = _total(dy, leading), _total(dy * standard, leading)
  through = (dbias / count)[ahead] + (dscale / count)[ahead] * standard
  if mask is not None:
    shape = (*mask.shape, *(1,) * (x.ndim - mask.ndim))
    through = jnp.where(mask.reshape(shape), through, 0)
  dx = (scale * deviation)[ahead] * (dy - through)
  return dx.astype(x.dtype), None, dscale, dbias


_normalised.defvjp(_normalised_forward, _normalised_backward)


def _total(x: jax.Array, leading: int) -> jax.Array:
  """Adds x up over its leading axes, those behind the second first.

  XLA would join the two sums; it does not move the factor out of the second.
  """
  inner = tuple(range(2, leading))
  rows = x.mean(axis=inner) if inner else x
  count = math.prod(x.shape[i] for i in inner)
  return (rows * count).sum(axis=tuple(range(min(leading, 2))))


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
    # Not jax.nn.standardize, whose variance is a difference, cut off at 0: that
    # loses digits, and its gradient asks what equals the cut; see `larger`.
    x = x - x.mean(axis=-1, keepdims=True)
    variance = jnp.square(x).mean(axis=-1, keepdims=True)
    x = x * jax.lax.rsqrt(variance + 1e-5)
    scale, bias = self.scale[...], self.bias[...]
    return x * scale[None, None] + bias[None, None]
