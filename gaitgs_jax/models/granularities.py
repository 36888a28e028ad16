"""The maps of GaitGS at two granularities: of frames, and of units of three.

Xiong et al., https://arxiv.org/abs/2305.19700: the "multi-granularity feature
extractor".
"""

import functools
import itertools
from collections.abc import Iterator, Sequence

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from gaitgs_jax.models import layers, products, remat
from gaitgs_jax.models.convolution import convolve, convolve_with_strips
from gaitgs_jax.models.initializers import kernel
from gaitgs_jax.models.layers import leaky_relu, mask_frames
from gaitgs_jax.models.temporal import UnitAggregation, unit_mask


class B3D(nnx.Module):
  """Three parallel convolutions (cube, frame, time), summed.

  The sum of the three is computed as one 3x3x3 convolution with the summed
  kernels: equal, with 30 % less arithmetic.
  """

  def __init__(self, channels: int, features: int, *, rngs: nnx.Rngs):
    self.cube = kernel(rngs, 3, 3, 3, channels, features)
    self.frame = kernel(rngs, 1, 3, 3, channels, features)
    self.time = kernel(rngs, 3, 1, 1, channels, features)

  def summed(self, dtype: DTypeLike) -> jax.Array:
    """Returns the summed kernel [3,3,3,c,d]."""
    frame = jnp.pad(self.frame[...], ((1, 1), *((0, 0),) * 4))
    time = jnp.pad(self.time[...], ((0, 0), (1, 1), (1, 1), (0, 0), (0, 0)))
    return (self.cube[...] + frame + time).astype(dtype)


class Stem(nnx.Module):
  """A B3D over the whole map plus another over each horizontal strip."""

  def __init__(
    self,
    channels: int,
    features: int,
    strips: int,
    *,
    rngs: nnx.Rngs,
    dtype: DTypeLike,
  ):
    self.whole = B3D(channels, features, rngs=rngs)
    self.strip = B3D(channels, features, rngs=rngs)
    self.strips, self.dtype = strips, dtype

  @remat.block('stem')
  def __call__(self, x: jax.Array, mask: jax.Array) -> jax.Array:
    """Maps [n,s,h,w,c] to [n,s,h,w,d], zero where the mask is False."""
    whole, strip = convolve_with_strips(
      x,
      self.whole.summed(self.dtype),
      self.strip.summed(self.dtype),
      self.strips,
    )
    return mask_frames(leaky_relu(whole) + leaky_relu(strip), mask)


class Extractor(nnx.Module):
  """The multi-granularity feature extractor: a map per frame and per unit."""

  def __init__(
    self,
    channels: Sequence[int],
    strips: int,
    *,
    rngs: nnx.Rngs,
    dtype: DTypeLike,
  ):
    self.first = kernel(rngs, 3, 3, 3, 1, channels[0])
    self.mix = kernel(rngs, 1, 1, 1, channels[0], channels[0])
    # One block, the pooling, then one block per further width and one more
    # that keeps the third.
    widths = (*channels[:3], *channels[2:])
    pairs = list(itertools.pairwise(widths))
    stem = functools.partial(Stem, strips=strips, rngs=rngs, dtype=dtype)
    self.fine = nnx.List([stem(c, d) for c, d in pairs])
    self.coarse = nnx.List([stem(c, d) for c, d in pairs])
    self.units = nnx.List(
      [
        UnitAggregation(c, rngs=rngs, dtype=dtype)
        for c in (channels[0], channels[1], channels[-1])
      ]
    )
    self.dtype = dtype

  def __call__(
    self, x: jax.Array, mask: jax.Array
  ) -> tuple[jax.Array, jax.Array]:
    """Maps silhouettes [n,s,h,w,1] to maps at both granularities.

    Returns:
      The fine maps [n,s,h/2,w/2,c] and the coarse maps
      [n,floor(s/3),h/2,w/2,c].
    """
    coarse_mask = unit_mask(mask)
    x = leaky_relu(convolve(x, self.first[...].astype(self.dtype)))
    x = leaky_relu(products.matmul(x, self.mix[0, 0, 0].astype(self.dtype)))
    x = mask_frames(x, mask)
    y = self.units[0](x, coarse_mask)
    x = layers.max_pool(self.fine[0](x, mask))
    y = layers.max_pool(self.coarse[0](y, coarse_mask))
    y = y + self.units[1](x, coarse_mask)
    for fine, coarse in zip(self.fine[1:], self.coarse[1:], strict=True):
      x = fine(x, mask)
      y = coarse(y, coarse_mask)
    return x, y + self.units[2](x, coarse_mask)


def torch_names(
  ours: str, theirs: str, blocks: int
) -> Iterator[tuple[str, list[str], str]]:
  """Names the released weights of an `Extractor`; see `cstl.torch_names`.

  Args:
    ours: its path.
    theirs: the original's name.
    blocks: how many widths it has.
  """
  for name, index in (('first', 0), ('mix', 2)):
    yield f'{ours}/{name}', [f'{theirs}.conv3d.{index}.conv3d.weight'], 'kernel'
  for i in range(3):
    name = f'{theirs}.UTA{i}.conv3d.weight'
    yield f'{ours}/units/{i}/kernel', [name], 'kernel'
  for branch, letter in (('fine', 'S'), ('coarse', 'C')):
    for i in range(blocks):
      stem = f'{theirs}.STEM_{letter}' + (f'1.{i - 1}' if i else '0')
      for part, name in (('whole', 'plain'), ('strip', 'shortcut')):
        for k, kind in enumerate(('cube', 'frame', 'time'), start=1):
          weight = f'{stem}.{name}.conv3d_{k}.conv3d.weight'
          yield f'{ours}/{branch}/{i}/{part}/{kind}', [weight], 'kernel'
