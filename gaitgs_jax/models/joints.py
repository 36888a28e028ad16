"""Convolutions of features of joints, and the residual blocks made of them.

The blocks are ResGCN's: Song et al., https://arxiv.org/abs/2010.09978.
"""

from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import DTypeLike

from gaitgs_jax import skeletons
from gaitgs_jax.models import (
  graph,
  initializers,
  norms,
  products,
  remat,
)
from gaitgs_jax.models.layers import mask_frames
from gaitgs_jax.models.norms import BatchNorm

# Joints this many edges apart are mixed, those at the same distance alike.
# The published weights on edges reach one distance farther, which nothing
# reads.
_HOPS = 2
_TAPS = 9  # Frames that a convolution along time sees.


class Normed(nnx.Module):
  """A convolution and its batch normalisation."""

  def __init__(
    self,
    convolution: 'Convolution | OverJoints',
    features: int,
    scale: float = 1.0,
  ):
    self.convolution = convolution
    self.norm = BatchNorm(features, scale=scale)

  def __call__(
    self, x: jax.Array, mask: jax.Array, *, train: bool
  ) -> jax.Array:
    """Maps [n,s,v,c] to [n,s',v,d], zero outside the mask [n,s']."""
    x = self.convolution(x)
    y = self.norm(x, mask, train=train).astype(x.dtype)
    return mask_frames(y, mask)


class Convolution(nnx.Module):
  """A convolution along time, each joint by itself."""

  def __init__(
    self,
    channels: int,
    features: int,
    taps: int = 1,
    stride: int = 1,
    *,
    initial: Callable[..., jax.Array] = initializers.kaiming_normal,
    rngs: nnx.Rngs,
    dtype: DTypeLike,
  ):
    shape = (taps, 1, channels, features)
    self.kernel = nnx.Param(initial(rngs, shape))
    self.bias = nnx.Param(jnp.zeros((features,)))
    self.stride, self.dtype = stride, dtype

  def __call__(self, x: jax.Array) -> jax.Array:
    """Maps [n,s,v,c] to [n,ceil(s/stride),v,d]."""
    kernel = self.kernel[...].astype(self.dtype)
    bias = self.bias[...].astype(self.dtype)[None, None, None]
    if len(kernel) == 1:
      kernel = kernel.squeeze((0, 1))
      return products.matmul(x[:, :: self.stride], kernel) + bias
    return products.convolve(x, kernel, strides=(self.stride, 1)) + bias


class OverJoints(nnx.Module):
  """A graph convolution: joints mix by their distance along the edges.

  The distance decides which weights; each pair of joints has a learned factor
  besides.
  """

  def __init__(
    self,
    skeleton: str,
    channels: int,
    features: int,
    *,
    rngs: nnx.Rngs,
    dtype: DTypeLike,
  ):
    self.mix = Convolution(
      channels, (_HOPS + 1) * features, rngs=rngs, dtype=dtype
    )
    self.skeleton, self.dtype = skeleton, dtype
    self.edge = nnx.Param(jnp.ones(self.adjacency.shape))

  @property
  def adjacency(self) -> np.ndarray:
    """The hop matrices [k,v,v] of the skeleton."""
    return graph.hop_matrices(skeletons.get(self.skeleton))

  def __call__(self, x: jax.Array) -> jax.Array:
    """Maps [n,s,v,c] to [n,s,v,d]."""
    edge = self.edge[...]
    weight = (jnp.asarray(self.adjacency, edge.dtype) * edge)[: _HOPS + 1]
    x = self.mix(x)
    x = x.reshape(*x.shape[:3], _HOPS + 1, -1)
    return products.einsum('nsvkd,kvw->nswd', x, weight.astype(self.dtype))


class PlainBlock(nnx.Module):
  """A convolution over joints, then one along time."""

  def __init__(
    self,
    skeleton: str,
    channels: int,
    features: int,
    *,
    rngs: nnx.Rngs,
    dtype: DTypeLike,
  ):
    over_joints = OverJoints(
      skeleton, channels, features, rngs=rngs, dtype=dtype
    )
    along_time = Convolution(features, features, _TAPS, rngs=rngs, dtype=dtype)
    self.spatial = Normed(over_joints, features)
    self.temporal = Normed(along_time, features)

  @remat.block('stem')
  def __call__(
    self, x: jax.Array, mask: jax.Array, *, train: bool
  ) -> jax.Array:
    """Maps [n,s,v,c] to [n,s,v,d], zero outside the mask."""
    x = jax.nn.relu(self.spatial(x, mask, train=train))
    return jax.nn.relu(self.temporal(x, mask, train=train))


class Block(nnx.Module):
  """A bottleneck over joints, then one along time; strided in the latter."""

  def __init__(
    self,
    skeleton: str,
    channels: int,
    features: int,
    reduction: int,
    stride: int,
    *,
    rngs: nnx.Rngs,
    dtype: DTypeLike,
  ):
    hidden = features // reduction
    over_joints = OverJoints(skeleton, hidden, hidden, rngs=rngs, dtype=dtype)
    along_time = Convolution(
      hidden, hidden, _TAPS, stride, rngs=rngs, dtype=dtype
    )
    self.spatial = Bottleneck(
      over_joints, channels, hidden, features, rngs=rngs, dtype=dtype
    )
    self.temporal = Bottleneck(
      along_time, features, hidden, features, stride, rngs=rngs, dtype=dtype
    )
    self.stride = stride

  @remat.block('stem')
  def __call__(
    self, x: jax.Array, mask: jax.Array, *, train: bool
  ) -> jax.Array:
    """Maps [n,s,v,c] to [n,ceil(s/stride),v,d], zero outside the mask."""
    x = self.spatial(x, mask, train=train)
    return self.temporal(x, mask, train=train)


class Bottleneck(nnx.Module):
  """A convolution in few channels, added to its input."""

  def __init__(
    self,
    middle: Convolution | OverJoints,
    channels: int,
    hidden: int,
    features: int,
    stride: int = 1,
    *,
    rngs: nnx.Rngs,
    dtype: DTypeLike,
  ):
    def pointwise(c: int, d: int, stride: int = 1) -> Convolution:
      return Convolution(c, d, 1, stride, rngs=rngs, dtype=dtype)

    self.down = Normed(pointwise(channels, hidden), hidden)
    self.middle = Normed(middle, hidden)
    # At first a block passes on its input alone.
    self.up = Normed(pointwise(hidden, features), features, scale=0.0)
    changes = stride != 1 or channels != features
    self.shortcut = (
      Normed(pointwise(channels, features, stride), features)
      if changes
      else None
    )
    self.stride = stride

  def __call__(
    self, x: jax.Array, mask: jax.Array, *, train: bool
  ) -> jax.Array:
    """Maps [n,s,v,c] to [n,ceil(s/stride),v,d], zero outside the mask."""
    strided = mask[:, :: self.stride]
    y = jax.nn.relu(self.down(x, mask, train=train))
    y = jax.nn.relu(self.middle(y, strided, train=train))
    y = self.up(y, strided, train=train)
    if self.shortcut is not None:
      x = self.shortcut(x, strided, train=train)
    return jax.nn.relu(y + x)


def convolution_names(
  ours: str, theirs: str
) -> Iterator[tuple[str, list[str], str]]:
  """Names the arrays of a `Convolution`; see `resgcn.torch_names`."""
  yield f'{ours}/kernel', [f'{theirs}.weight'], 'kernel'
  yield f'{ours}/bias', [f'{theirs}.bias'], 'same'


def normed_names(
  ours: str, convolution: str, norm: str
) -> Iterator[tuple[str, list[str], str]]:
  """Names the arrays of a `Normed` convolution; see `resgcn.torch_names`."""
  yield from convolution_names(f'{ours}/convolution', convolution)
  yield from norms.norm_torch_names(f'{ours}/norm', norm)


def over_joints_names(
  ours: str, theirs: str
) -> Iterator[tuple[str, list[str], str]]:
  """Names a `Normed` graph convolution of the block `theirs`."""
  yield f'{ours}/convolution/edge', [f'{theirs}.edge'], 'same'
  mix = f'{theirs}.scn.conv.gcn'
  yield from convolution_names(f'{ours}/convolution/mix', mix)
  yield from norms.norm_torch_names(f'{ours}/norm', f'{theirs}.scn.bn')


def plain_block_names(
  ours: str, theirs: str
) -> Iterator[tuple[str, list[str], str]]:
  """Names the arrays of a `PlainBlock`; see `resgcn.torch_names`."""
  yield from over_joints_names(f'{ours}/spatial', theirs)
  yield from normed_names(
    f'{ours}/temporal', f'{theirs}.tcn.conv', f'{theirs}.tcn.bn'
  )


def block_names(
  ours: str, theirs: str, *, projects: bool, strides: bool
) -> Iterator[tuple[str, list[str], str]]:
  """Names the arrays of a `Block`; see `resgcn.torch_names`.

  Args:
    ours: its path.
    theirs: the original's name.
    projects: whether its number of channels changes.
    strides: whether it is strided.
  """
  for mine, name, shortcut in (
    ('spatial', 'scn', projects),
    ('temporal', 'tcn', strides),
  ):
    part, other = f'{ours}/{mine}', f'{theirs}.{name}'
    for side in ('down', 'up'):
      yield from normed_names(
        f'{part}/{side}', f'{other}.conv_{side}', f'{other}.bn_{side}'
      )
    if shortcut:
      yield from normed_names(
        f'{part}/shortcut', f'{other}.residual.0', f'{other}.residual.1'
      )
  yield from over_joints_names(f'{ours}/spatial/middle', theirs)
  yield from normed_names(
    f'{ours}/temporal/middle', f'{theirs}.tcn.conv', f'{theirs}.tcn.bn'
  )
