"""Blocks that more than one gait model is made of."""

import contextlib
import contextvars
import math
from collections.abc import Iterator

import jax
import jax.numpy as jnp
from flax import nnx
from jax import export
from jax.typing import DTypeLike

from gaitgs_jax.errors import BadValue
from gaitgs_jax.models import initializers, products


def wide(dtype: DTypeLike) -> jnp.dtype:
  """Returns the dtype for sums and norms: at least float32."""
  return jnp.dtype(jnp.float64 if dtype == jnp.float64 else jnp.float32)


def leaky_relu(x: jax.Array) -> jax.Array:
  """Applies the leaky ReLU of slope 0.01 that the published models use."""
  return jnp.where(x > 0, x, x * jnp.asarray(0.01, x.dtype))


def dropout(x: jax.Array, rate: float, key: jax.Array | None) -> jax.Array:
  """Zeroes a share `rate` of x and scales the rest; a None key keeps all."""
  if key is None or rate == 0:
    return x
  keep = jax.random.bernoulli(key, 1 - rate, x.shape)
  return jnp.where(keep, x / jnp.asarray(1 - rate, x.dtype), jnp.zeros_like(x))


def front_frames(
  inputs: jax.Array, mask: jax.Array, shortest: int = 3
) -> tuple[jax.Array, jax.Array]:
  """Moves the valid frames to the front and repeats very short sequences.

  A sequence of fewer than `shortest` frames is tiled whole until it has that
  many (1 frame to 3, 2 frames to 4), as GaitGL and GaitGS do. What the padded
  frames hold is replaced by zeros. A sequence without a valid frame counts as
  its first frame.

  Args:
    inputs: [n,s,...].
    mask: bool [n,s].
    shortest: the fewest frames that the model can take.

  Returns:
    The frames [n,s',...] and their mask [n,s'], s' >= s; valid frames first.
  """
  s = mask.shape[1]
  # Two frames tile to shortest + 1 when shortest is odd.
  size = max(s, shortest if s == 1 else shortest + 1)
  length = jnp.maximum(mask.sum(axis=1, dtype=jnp.int32), 1)[:, None]
  tiled = length * -(-shortest // length)
  step = jnp.arange(size, dtype=jnp.int32)[None, :]
  order = jnp.argsort(~mask, axis=1, stable=True).astype(jnp.int32)
  index = jnp.take_along_axis(order, step % length, axis=1)
  tail = (1,) * (inputs.ndim - 2)
  frames = jnp.take_along_axis(inputs, index.reshape(*index.shape, *tail), 1)
  mask = step < tiled
  return mask_frames(frames, mask), mask


def to_their_frames(values: jax.Array, mask: jax.Array) -> jax.Array:
  """Puts values of valid frames back where `front_frames` took them.

  Args:
    values: [n,s,v], those of the valid frames first.
    mask: bool [n,s], which frames are valid.

  Returns:
    [n,s,v], zero outside the mask.
  """
  place = jnp.maximum(jnp.cumsum(mask, axis=1, dtype=jnp.int32) - 1, 0)
  values = jnp.take_along_axis(values, place[..., None], axis=1)
  return mask_frames(values, mask)


def reverse_frames(x: jax.Array, mask: jax.Array) -> jax.Array:
  """Turns the valid frames of x [n,s,...] around; they come first."""
  step = jnp.arange(mask.shape[1], dtype=jnp.int32)[None]
  last = mask.sum(axis=1, dtype=jnp.int32)[:, None] - 1
  index = jnp.where(mask, last - step, step)
  return jnp.take_along_axis(x, index.reshape(*mask.shape, 1, 1), axis=1)


def mask_frames(
  x: jax.Array, mask: jax.Array | None, value: float = 0.0
) -> jax.Array:
  """Fills the padded frames of x [n,s,...] with `value`."""
  if mask is None:
    return x
  mask = mask.reshape(*mask.shape, *(1,) * (x.ndim - 2))
  return jnp.where(mask, x, jnp.full((1,) * x.ndim, value, x.dtype))


def max_frames(x: jax.Array, mask: jax.Array | None) -> jax.Array:
  """Takes the maximum of x [n,s,...] over its valid frames: [n,...]."""
  return largest(mask_frames(x, mask, -jnp.inf), axis=1)


def larger(x: jax.Array, y: jax.Array) -> jax.Array:
  """Returns the larger of each pair, x at a tie, which alone gets the gradient.

  Every maximum that is differentiated goes through here. The gradients of
  jnp.maximum and jnp.max compare their operand with the result for equality,
  and are lost where XLA computes the operand a second time with another
  rounding (a fused multiply-add on CPU, excess precision in bfloat16).
  """
  return jnp.where(y > x, y, x)


def largest(x: jax.Array, axis: int) -> jax.Array:
  """Takes the maximum over one axis, by halving; see `larger`.

  An axis of any length, as in a program that is exported, cannot be halved, and
  nothing is differentiated there.
  """
  if export.is_symbolic_dim(x.shape[axis]):
    return jnp.max(x, axis)
  while (size := x.shape[axis]) > 1:
    half = size // 2
    low = jax.lax.slice_in_dim(x, 0, half, axis=axis)
    high = jax.lax.slice_in_dim(x, half, 2 * half, axis=axis)
    rest = jax.lax.slice_in_dim(x, 2 * half, size, axis=axis)
    x = larger(low, high)
    if rest.shape[axis]:
      x = jnp.concatenate([x, rest], axis=axis)
  return x.squeeze(axis)


def max_pool(x: jax.Array) -> jax.Array:
  """Halves height and width of [n,s,h,w,c] by maxima; odd edges are cut."""
  n, s, h, w, c = x.shape
  x = x[:, :, : h // 2 * 2, : w // 2 * 2]
  x = largest(x.reshape(n, s, h // 2, 2, w // 2 * 2, c), axis=3)
  return largest(x.reshape(n, s, h // 2, w // 2, 2, c), axis=4)


def strips_to_parts(x: jax.Array, parts: int) -> jax.Array:
  """Pools p horizontal strips of maps [n,s,h,w,c] by mean + max: [n,s,p,c].

  The horizontal pooling of GaitSet, https://arxiv.org/abs/1811.06186.

  Raises:
    ValueError: if the parts do not divide the height.
  """
  n, s, h, w, c = x.shape
  if h % parts:
    raise BadValue(f'{parts} parts do not divide maps of height {h}')
  x = x.reshape(n, s, parts, h // parts * w, c)
  mean = x.mean(axis=3, dtype=wide(x.dtype)).astype(x.dtype)
  return mean + largest(x, axis=3)


class SeparateDense(nnx.Module):
  """One linear map per body part, with no weights shared between parts.

  The "separate FC" of GaitSet, https://arxiv.org/abs/1811.06186.
  """

  def __init__(
    self,
    parts: int,
    channels: int,
    features: int,
    *,
    rngs: nnx.Rngs,
    dtype: DTypeLike = jnp.float32,
  ):
    # Torch counts axis 0 as outputs and axis 1 as inputs; the published
    # numbers were trained from that (much smaller) scale, so we keep it.
    shape = (parts, channels, features)
    self.kernel = nnx.Param(
      initializers.xavier_uniform(rngs, shape, in_axis=1, out_axis=0)
    )
    self.dtype = dtype

  def __call__(self, x: jax.Array) -> jax.Array:
    """Maps part features [n,p,c] to [n,p,d]."""
    kernel = self.kernel[...].astype(self.dtype)
    return products.einsum('npc,pcd->npd', x.astype(self.dtype), kernel)


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
