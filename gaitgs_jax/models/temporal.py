"""Blocks that look at neighbouring frames, of more than one model."""

import functools
import operator
from collections.abc import Iterator

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from gaitgs_jax.models import initializers, layers, products, remat
from gaitgs_jax.models.convolution import join_frames, shifted_frames
from gaitgs_jax.models.initializers import kernel
from gaitgs_jax.models.layers import leaky_relu, mask_frames

# How many times narrower a template of micro-motion is inside.
SQUEEZE = 4


def unit_mask(mask: jax.Array) -> jax.Array:
  """Returns which units of three frames are valid, bool [n,floor(s/3)].

  Args:
    mask: bool [n,s], valid frames first, but for those before a window.
  """
  return mask[:, 2::3]


class UnitAggregation(nnx.Module):
  """Joins every three frames into one by a learned convolution.

  The local temporal aggregation of GaitGL, https://arxiv.org/abs/2011.01461;
  the last s % 3 frames are dropped.
  """

  def __init__(self, channels: int, *, rngs: nnx.Rngs, dtype: DTypeLike):
    self.kernel = kernel(rngs, 3, 1, 1, channels, channels)
    self.dtype = dtype

  def __call__(self, x: jax.Array, mask: jax.Array) -> jax.Array:
    """Maps [n,s,h,w,c] to [n,floor(s/3),h,w,c], zero beyond the mask."""
    units = x.shape[1] // 3
    kernel = self.kernel[...].astype(self.dtype)[:, 0, 0]
    first, second, third = (x[:, t : 3 * units : 3] for t in range(3))
    each = map(products.matmul, (first, second, third), kernel)
    x = functools.reduce(operator.add, each)
    return mask_frames(x, mask)


class MicroMotion(nnx.Module):
  """Two templates of micro-motion that gate pooled neighbouring frames.

  The micro-motion capture of GaitPart (Fan et al., CVPR 2020), without its
  maximum over frames.
  """

  def __init__(
    self,
    parts: int,
    channels: int,
    *,
    rngs: nnx.Rngs,
    dtype: DTypeLike,
  ):
    hidden = channels // SQUEEZE

    def part_kernel(taps: int, inputs: int, outputs: int) -> nnx.Param:
      shape = (parts, taps, inputs, outputs)
      return nnx.Param(initializers.xavier_uniform(rngs, shape, stacked=True))

    self.short_in = part_kernel(3, channels, hidden)
    self.short_out = part_kernel(1, hidden, channels)
    self.long_in = part_kernel(3, channels, hidden)
    self.long_out = part_kernel(3, hidden, channels)
    self.dtype = dtype

  @remat.block('all')
  def __call__(self, x: jax.Array, mask: jax.Array) -> jax.Array:
    """Maps part features [n,s,p,c] to the same shape, zero when padded."""
    x = mask_frames(x, mask)
    short = self._gate(x, mask, self.short_in, self.short_out)
    long = self._gate(x, mask, self.long_in, self.long_out)
    y = short * _pool_frames(x, mask, 3) + long * _pool_frames(x, mask, 5)
    return mask_frames(y, mask)

  def _gate(
    self, x: jax.Array, mask: jax.Array, first: nnx.Param, second: nnx.Param
  ) -> jax.Array:
    hidden = leaky_relu(self._convolve(x, first[...]))
    return jax.nn.sigmoid(
      self._convolve(mask_frames(hidden, mask), second[...])
    )

  def _convolve(self, x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Convolves along time, each part with its own kernel [p,t,c,d]."""
    p, t, c, d = kernel.shape
    kernel = kernel.astype(self.dtype).reshape(p, t * c, d)
    return products.einsum('nspc,pcd->nspd', join_frames(x, t), kernel)


def _pool_frames(x: jax.Array, mask: jax.Array, window: int) -> jax.Array:
  """Adds mean and maximum over a window of frames of x [n,s,p,c].

  Frames outside the sequence count as zeros in the mean, which is taken over
  the whole window, and not at all in the maximum.
  """
  total = sum(shifted_frames(x, window))
  low = mask_frames(x, mask, -jnp.inf)
  high = functools.reduce(
    layers.larger, shifted_frames(low, window, value=-jnp.inf)
  )
  # A window without any valid frame belongs to a padded frame.
  high = jnp.where(jnp.isfinite(high), high, jnp.zeros_like(high))
  return total / jnp.asarray(window, x.dtype) + high


def micro_motion_torch_names(
  ours: str, theirs: str, parts: int
) -> Iterator[tuple[str, list[str], str]]:
  """Names the released weights of `MicroMotion`; see `cstl.torch_names`."""
  for kind, name in (('short', 'conv1d3x1'), ('long', 'conv1d3x3')):
    for end, index in (('in', 0), ('out', 2)):
      each = [f'{theirs}.{name}.{p}.{index}.conv.weight' for p in range(parts)]
      yield f'{ours}/{kind}_{end}', each, 'part kernels'
