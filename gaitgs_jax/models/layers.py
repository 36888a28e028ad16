"""Blocks that more than one gait model is made of."""

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


def mean_pool(x: jax.Array, size: int) -> jax.Array:
  """Averages squares of `size` pixels of [n,s,h,w,c]."""
  if size == 1:
    return x
  n, s, h, w, c = x.shape
  if h % size or w % size:
    raise BadValue(f'shrink={size} does not divide frames of {h} x {w}')
  x = x.reshape(n, s, h // size, size, w // size, size, c)
  return x.mean(axis=(3, 5))


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
