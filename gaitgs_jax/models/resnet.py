"""Residual networks over frames, and their blocks that see neighbours in time.

He et al., https://arxiv.org/abs/1512.03385; in gait recognition ResNet9 of
GaitBase, https://arxiv.org/abs/2211.06597, and the deeper ones of DeepGaitV2,
https://arxiv.org/abs/2303.03301.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence

import jax
from flax import nnx
from jax.typing import DTypeLike

from gaitgs_jax.errors import BadValue
from gaitgs_jax.models import convolution, layers, norms, remat
from gaitgs_jax.models.initializers import kernel

# What a block sees: each frame by itself; each frame, and between its two
# convolutions each pixel's neighbours in time; or space and time at once.
KINDS = ('2d', 'p3d', '3d')
CHANNELS = (64, 128, 256, 512)
_STRIDES = (1, 2, 2, 1)


@dataclasses.dataclass(frozen=True)
class Plan:
  """Where a block is, and what it is made of."""

  stage: int
  index: int
  channels: int
  features: int
  stride: int
  kind: str

  @property
  def keeps_shape(self) -> bool:
    """Whether the block's input can be added to its output."""
    return (self.stride, self.channels) == (1, self.features)


def plan(
  channels: Sequence[int] = CHANNELS,
  blocks: Sequence[int] = (1, 1, 1, 1),
  kind: str = '2d',
) -> list[Plan]:
  """Returns the blocks of up to four stages.

  The first stage sees each frame by itself, whatever the kind; the second and
  the third halve the maps.

  Args:
    channels: width of each stage.
    blocks: how many each stage has.
    kind: one of `KINDS`.

  Raises:
    ValueError: an unknown kind, or not one number of blocks for each stage.
  """
  if kind not in KINDS:
    raise BadValue(f'no kind of blocks {kind!r}; choose one of {[*KINDS]}')
  if not len(channels) == len(blocks) <= len(_STRIDES):
    raise BadValue(
      f'channels {tuple(channels)} and blocks {tuple(blocks)} must be of the '
      f'same length, of at most {len(_STRIDES)} stages'
    )
  found, c = [], channels[0]
  for stage, (d, count) in enumerate(zip(channels, blocks, strict=True)):
    for i in range(count):
      stride = 1 if i else _STRIDES[stage]
      seen = kind if stage else '2d'
      found.append(Plan(stage + 1, i, c, d, stride, seen))
      c = d
  return found


class Stages(nnx.Module):
  """Residual blocks, one after the other."""

  def __init__(
    self, blocks: Sequence[Plan], *, rngs: nnx.Rngs, dtype: DTypeLike
  ):
    self.blocks = nnx.List([Block(b, rngs=rngs, dtype=dtype) for b in blocks])

  def __call__(
    self, x: jax.Array, mask: jax.Array, *, train: bool
  ) -> jax.Array:
    """Maps [n,s,h,w,c] to [n,s,h/stride,w/stride,d], mask bool [n,s]."""
    for block in self.blocks:
      x = block(x, mask, train=train)
    return x


class ResNet(Stages):
  """A convolution, and residual blocks."""

  def __init__(
    self,
    blocks: Sequence[Plan],
    *,
    inputs: int = 1,
    rngs: nnx.Rngs,
    dtype: DTypeLike,
  ):
    self.stem = NormedConvolution(
      inputs, blocks[0].channels, rngs=rngs, dtype=dtype
    )
    super().__init__(blocks, rngs=rngs, dtype=dtype)

  def __call__(
    self, x: jax.Array, mask: jax.Array, *, train: bool
  ) -> jax.Array:
    """Maps images [n,s,h,w,c] to [n,s,h/stride,w/stride,d]."""
    return super().__call__(
      jax.nn.relu(self.stem(x, mask, train=train)), mask, train=train
    )


class Block(nnx.Module):
  """Two convolutions and a shortcut; of kind p3d, one along time in between."""

  def __init__(self, plan: Plan, *, rngs: nnx.Rngs, dtype: DTypeLike):
    c, d, stride, kind = plan.channels, plan.features, plan.stride, plan.kind
    make = functools.partial(NormedConvolution, rngs=rngs, dtype=dtype)
    taps = (3,) * (3 if kind == '3d' else 2)
    self.first = make(c, d, taps, stride)
    self.temporal = make(d, d, (3, 1, 1)) if kind == 'p3d' else None
    self.second = make(d, d, taps)
    # As released: 3-D kernels in the networks that see time.
    one = (1,) * (2 if kind == '2d' else 3)
    self.shortcut = None if plan.keeps_shape else make(c, d, one, stride)

  @remat.block('stem')
  def __call__(
    self, x: jax.Array, mask: jax.Array, *, train: bool
  ) -> jax.Array:
    """Maps [n,s,h,w,c] to [n,s,h/stride,w/stride,d]."""
    y = jax.nn.relu(self.first(x, mask, train=train))
    if self.temporal is not None:
      y = jax.nn.relu(y + self.temporal(y, mask, train=train))
    y = self.second(y, mask, train=train)
    if self.shortcut is not None:
      x = self.shortcut(x, mask, train=train)
    return jax.nn.relu(x + y)


class NormedConvolution(nnx.Module):
  """A convolution without bias and a BatchNorm over all valid frames.

  Beyond the valid frames it sees zeros, as at the ends of a sequence.

  Args:
    channels: of the input.
    features: of the output.
    taps: the kernel's size, in (h, w) or in (s, h, w).
    stride: in h and w.
    rngs: draws the kernel, and the norm's scale.
    dtype: of the arithmetic.
  """

  def __init__(
    self,
    channels: int,
    features: int,
    taps: Sequence[int] = (3, 3),
    stride: int = 1,
    *,
    rngs: nnx.Rngs,
    dtype: DTypeLike,
  ):
    self.kernel = kernel(rngs, *taps, channels, features)
    self.norm = norms.BatchNorm(features, rngs=rngs)
    self.stride, self.dtype = stride, dtype

  def __call__(
    self, x: jax.Array, mask: jax.Array, *, train: bool
  ) -> jax.Array:
    """Maps [n,s,h,w,c] to [n,s,h/stride,w/stride,d]."""
    kernel = self.kernel[...].astype(self.dtype)
    if kernel.ndim == 5 and len(kernel) > 1:
      x = layers.mask_frames(x, mask)
    x = convolution.convolve(x, kernel, stride=self.stride)
    return self.norm(x, mask, train=train).astype(self.dtype)


def torch_names(
  ours: str, blocks: Sequence[Plan], theirs: Callable[[Plan], str]
) -> Iterator[tuple[str, list[str], str]]:
  """Names OpenGait's weights of `Stages`; see `cstl.torch_names`.

  Args:
    ours: the path of the stages.
    blocks: of which they are.
    theirs: what stands in front of a block's names there.
  """
  for i, block in enumerate(blocks):
    for convolution_, kernel_, norm in _torch_block(block):
      yield from normed_torch_names(
        f'{ours}/blocks/{i}/{convolution_}',
        f'{theirs(block)}.{kernel_}',
        f'{theirs(block)}.{norm}',
      )


def torch_stage(block: Plan) -> str:
  """Returns what stands in front of a block's names in DeepGaitV2."""
  # There too, what sees each frame by itself is wrapped.
  wrapped = '.forward_block' if block.kind == '2d' else ''
  return f'layer{block.stage}{wrapped}.{block.index}'


def normed_torch_names(
  ours: str, convolution: str, norm: str
) -> Iterator[tuple[str, list[str], str]]:
  """Names the weights of a `NormedConvolution`, and its norm's, in torch."""
  yield f'{ours}/kernel', [f'{convolution}.weight'], 'kernel'
  yield from norms.norm_torch_names(f'{ours}/norm', norm)


def _torch_block(block: Plan) -> Iterator[tuple[str, str, str]]:
  """Yields our name of a convolution, and its name and its norm's in torch."""
  for k, ours in enumerate(('first', 'second'), start=1):
    if block.kind == 'p3d':
      wrapped = f'conv{k}.forward_block'
      yield ours, f'{wrapped}.0', f'{wrapped}.1'
    else:
      yield ours, f'conv{k}', f'bn{k}'
  if block.kind == 'p3d':
    yield 'temporal', 'shortcut3d', 'sbn'
  if not block.keeps_shape:
    yield 'shortcut', 'downsample.0', 'downsample.1'
