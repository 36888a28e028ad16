"""GaitBase: a residual network over frames, as simple as gait models get.

Fan et al., "OpenGait: Revisiting Gait Recognition Toward Better Practicality",
CVPR 2023, https://arxiv.org/abs/2211.06597. The numbers are those of
https://github.com/ShiqiYu/OpenGait. The published form is the defaults; that of
the competition HID: backbone='plain', bins=(16, 8, 4, 2, 1).
"""

import functools
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from gaitgs_jax.errors import BadValue
from gaitgs_jax.models import entry, layers, products, remat
from gaitgs_jax.models.initializers import kernel
from gaitgs_jax.models.layers import SeparateDense
from gaitgs_jax.models.output import GaitOutput

# See `models.facts`.
FACTS = {'num_classes': ('neck/identity/kernel', 2)}

_CHANNELS, _STRIDES = (64, 128, 256, 512), (1, 2, 2, 1)


def create(
  *, rngs: nnx.Rngs, dtype: str = 'float32', **config: Any
) -> 'GaitBase':
  """Builds GaitBase from `config.model`; see `GaitBase` for the fields."""
  return GaitBase(rngs=rngs, dtype=jnp.dtype(dtype), **config)


class GaitBase(nnx.Module):
  """Silhouettes in, one embedding per body part out.

  Frames are a set: neither their order nor repeating them all changes anything.

  Args:
    backbone: 'resnet9', or 'plain': convolutions without shortcuts and norms.
    channels: widths of the backbone's four stages.
    bins: horizontal strips that are embedded; several numbers cut the maps
      several times.
    features: channels of the embedding.
    num_classes: training subjects.
    dtype: of the arithmetic; parameters stay float32, and norms and strips'
      means are never computed in less.

  Raises:
    ValueError: an unknown backbone, or channels that are not four.
  """

  def __init__(
    self,
    *,
    backbone: str = 'resnet9',
    channels: Sequence[int] = _CHANNELS,
    bins: Sequence[int] = (16,),
    features: int = 256,
    num_classes: int = 74,
    dtype: DTypeLike = jnp.float32,
    rngs: nnx.Rngs,
  ):
    backbones = {'resnet9': ResNet9, 'plain': Plain}
    if backbone not in backbones:
      raise BadValue(f'no backbone {backbone!r}; choose one of {[*backbones]}')
    if len(channels) != len(_STRIDES):
      raise BadValue(f'channels are four widths, not {tuple(channels)}')
    self.backbone = backbones[backbone](channels, rngs=rngs, dtype=dtype)
    self.bins, self.dtype = tuple(bins), dtype
    parts = sum(bins)
    self.head = SeparateDense(
      parts, channels[-1], features, rngs=rngs, dtype=dtype
    )
    self.neck = Neck(parts, features, num_classes, rngs=rngs, dtype=dtype)

  @entry.silhouettes
  def __call__(
    self,
    inputs: jax.Array,
    mask: jax.Array,
    *,
    train: bool = False,
    key: jax.Array | None = None,
  ) -> GaitOutput:
    """Embeds silhouettes.

    Args:
      inputs: [n,s,h,w,1] in 0..1; each of the bins divides the height of the
        maps, which is h/4 (h/8 with the plain backbone).
      mask: bool [n,s], which frames are valid; None means all.
      train: whether to use the batch's own statistics.
      key: not used, as nothing is random.

    Returns:
      embedding and features [n,p,d]; logits [n,p,k], which are cosines.
    """
    x, mask = layers.front_frames(inputs.astype(self.dtype), mask, shortest=1)
    x = layers.max_frames(self.backbone(x, mask, train=train), mask)[:, None]
    strips = [layers.strips_to_parts(x, parts)[:, 0] for parts in self.bins]
    x = self.head(jnp.concatenate(strips, axis=1))
    x = x.astype(layers.wide(self.dtype))
    return GaitOutput(embedding=x, features=x, logits=self.neck(x, train=train))


class ResNet9(nnx.Module):
  """Four residual blocks; the second and the third halve the maps."""

  def __init__(
    self, channels: Sequence[int], *, rngs: nnx.Rngs, dtype: DTypeLike
  ):
    self.stem = NormedConvolution(1, channels[0], rngs=rngs, dtype=dtype)
    self.blocks = nnx.List(
      [Block(*w, rngs=rngs, dtype=dtype) for w in _widths(channels)]
    )

  def __call__(
    self, x: jax.Array, mask: jax.Array, *, train: bool
  ) -> jax.Array:
    """Maps each frame by itself, [n,s,h,w,1] to [n,s,h/4,w/4,d]."""
    x = jax.nn.relu(self.stem(x, mask, train=train))
    for block in self.blocks:
      x = block(x, mask, train=train)
    return x


def _widths(channels: Sequence[int]) -> Iterator[tuple[int, int, int]]:
  """Returns channels, features and stride of each block."""
  return zip((channels[0], *channels), channels, _STRIDES, strict=False)


class Block(nnx.Module):
  """Two convolutions and a shortcut, https://arxiv.org/abs/1512.03385."""

  def __init__(
    self,
    channels: int,
    features: int,
    stride: int,
    *,
    rngs: nnx.Rngs,
    dtype: DTypeLike,
  ):
    convolution = functools.partial(NormedConvolution, rngs=rngs, dtype=dtype)
    self.first = convolution(channels, features, 3, stride)
    self.second = convolution(features, features)
    same = (stride, channels) == (1, features)
    self.shortcut = None if same else convolution(channels, features, 1, stride)

  @remat.block('stem')
  def __call__(
    self, x: jax.Array, mask: jax.Array, *, train: bool
  ) -> jax.Array:
    """Maps [n,s,h,w,c] to [n,s,h/stride,w/stride,d]."""
    y = jax.nn.relu(self.first(x, mask, train=train))
    y = self.second(y, mask, train=train)
    if self.shortcut is not None:
      x = self.shortcut(x, mask, train=train)
    return jax.nn.relu(x + y)


class NormedConvolution(nnx.Module):
  """A convolution of each frame and a BatchNorm over all valid frames."""

  def __init__(
    self,
    channels: int,
    features: int,
    taps: int = 3,
    stride: int = 1,
    *,
    rngs: nnx.Rngs,
    dtype: DTypeLike,
  ):
    self.kernel = kernel(rngs, taps, taps, channels, features)
    self.norm = layers.BatchNorm(features, rngs=rngs)
    self.stride, self.dtype = stride, dtype

  def __call__(
    self, x: jax.Array, mask: jax.Array, *, train: bool
  ) -> jax.Array:
    """Maps [n,s,h,w,c] to [n,s,h/stride,w/stride,d]."""
    x = _convolve_frames(x, self.kernel[...].astype(self.dtype), self.stride)
    return self.norm(x, mask, train=train).astype(self.dtype)


class Plain(nnx.Module):
  """Two convolutions in each of four stages, with a max-pooling in between."""

  def __init__(
    self, channels: Sequence[int], *, rngs: nnx.Rngs, dtype: DTypeLike
  ):
    widths = [1, *(d for d in channels for _ in range(2))]
    self.layers = nnx.List(
      [
        kernel(rngs, *((3, 3) if i else (5, 5)), c, d)
        for i, (c, d) in enumerate(itertools.pairwise(widths))
      ]
    )
    self.dtype = dtype

  @remat.block('stem')
  def __call__(
    self, x: jax.Array, mask: jax.Array, *, train: bool
  ) -> jax.Array:
    """Maps each frame by itself, [n,s,h,w,1] to [n,s,h/8,w/8,d]."""
    del mask, train
    for i, each in enumerate(self.layers):
      if i and i % 2 == 0:
        x = layers.max_pool(x)
      x = layers.leaky_relu(_convolve_frames(x, each[...].astype(self.dtype)))
    return x


def _convolve_frames(
  x: jax.Array, kernel: jax.Array, stride: int = 1
) -> jax.Array:
  """Maps [n,s,h,w,c] to [n,s,h/stride,w/stride,d] by a kernel [i,j,c,d]."""
  n, s, *frame = x.shape
  x = x.reshape(n * s, *frame)
  y = products.convolve(x, kernel, strides=(stride, stride))
  return y.reshape(n, s, *y.shape[1:])


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
    self.norm = layers.BatchNorm(features * parts, rngs=rngs)
    self.identity = SeparateDense(
      parts, features, num_classes, rngs=rngs, dtype=dtype
    )

  def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
    """Maps embeddings [n,p,d] to the cosines [n,p,k] with their classes."""
    n, p, d = x.shape
    flat = x.swapaxes(1, 2).reshape(n, d * p)
    x = self.norm(flat, train=train).reshape(n, d, p).swapaxes(1, 2)
    cosines = self.identity(x * _inverse_length(x, axis=2)).astype(x.dtype)
    weights = self.identity.kernel[...].astype(x.dtype)
    return cosines * _inverse_length(weights, axis=1).swapaxes(0, 1)


def _inverse_length(x: jax.Array, axis: int) -> jax.Array:
  return jax.lax.rsqrt(jnp.square(x).sum(axis=axis, keepdims=True) + 1e-24)


def torch_names(
  *,
  backbone: str = 'resnet9',
  channels: Sequence[int] = _CHANNELS,
  **_: Any,
) -> Iterator[tuple[str, list[str], str]]:
  """Names OpenGait's weights, as `cstl.torch_names` its own."""
  norms = [('neck/norm', 'BNNecks.bn1d')]
  if backbone == 'resnet9':
    for ours, convolution, norm in _torch_convolutions(channels):
      name = f'Backbone.forward_block.{convolution}.weight'
      yield f'backbone/{ours}/kernel', [name], 'kernel'
      norms.append((f'backbone/{ours}/norm', f'Backbone.forward_block.{norm}'))
  else:
    for i in range(2 * len(channels)):
      # Activations and poolings are numbered too.
      name = f'Backbone.forward_block.feature.{i // 2 * 5 + i % 2 * 2}'
      yield f'backbone/layers/{i}', [f'{name}.conv.weight'], 'kernel'
  for ours, theirs in norms:
    for array, name in layers.NORM_TORCH_NAMES:
      yield f'{ours}/{array}', [f'{theirs}.{name}'], 'same'
  yield 'head/kernel', ['FCs.fc_bin'], 'same'
  yield 'neck/identity/kernel', ['BNNecks.fc_bin'], 'same'


def _torch_convolutions(
  channels: Sequence[int],
) -> Iterator[tuple[str, str, str]]:
  """Yields our path of a convolution, and its name and its norm's in torch."""
  yield 'stem', 'conv1.conv', 'bn1'
  for i, (c, d, stride) in enumerate(_widths(channels)):
    block = f'layer{i + 1}.0'
    for k, ours in enumerate(('first', 'second'), start=1):
      yield f'blocks/{i}/{ours}', f'{block}.conv{k}', f'{block}.bn{k}'
    if (stride, c) != (1, d):
      shortcut = f'{block}.downsample'
      yield f'blocks/{i}/shortcut', f'{shortcut}.0', f'{shortcut}.1'
