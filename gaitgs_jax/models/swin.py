"""The Video Swin Transformer: attention in windows of space and time.

Liu et al., https://arxiv.org/abs/2106.13230. Every other block's windows are
shifted by half of their size.
"""

import functools
from collections.abc import Iterator, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import DTypeLike

from gaitgs_jax.models import layers, products, remat, windows
from gaitgs_jax.models.initializers import normal
from gaitgs_jax.models.norms import LayerNorm
from gaitgs_jax.models.windows import Window

# Of initial weights, and of a block's hidden channels by its own.
_DEVIATION, _HIDDEN = 0.02, 4


class Linear(nnx.Module):
  """A linear map of channels."""

  def __init__(
    self,
    channels: int,
    features: int,
    *,
    bias: bool = True,
    rngs: nnx.Rngs,
    dtype: DTypeLike,
  ):
    drawn = normal(rngs, (channels, features))
    self.kernel = nnx.Param(_DEVIATION * drawn)
    self.bias = nnx.Param(jnp.zeros((features,))) if bias else None
    self.dtype = dtype

  def __call__(self, x: jax.Array) -> jax.Array:
    """Maps [...,c] to [...,d]."""
    x = x.astype(self.dtype)
    x = products.matmul(x, self.kernel[...].astype(self.dtype))
    if self.bias is None:
      return x
    ahead = (None,) * (x.ndim - 1)
    return x + self.bias[...].astype(self.dtype)[ahead]


class Block(nnx.Module):
  """Attention within windows, then two linear maps; both add to their input.

  Args:
    channels: of the tokens.
    heads: of the attention.
    window: its size in time, height and width.
    shifted: whether windows are shifted by half of their size.
    drop_path: the share of sequences to which a branch adds nothing, in
      training: stochastic depth, https://arxiv.org/abs/1603.09382.
    rngs: draws the weights.
    dtype: of the arithmetic.
  """

  def __init__(
    self,
    channels: int,
    heads: int,
    window: Window,
    *,
    shifted: bool,
    drop_path: float,
    rngs: nnx.Rngs,
    dtype: DTypeLike,
  ):
    linear = functools.partial(Linear, rngs=rngs, dtype=dtype)
    self.norm1, self.norm2 = LayerNorm(channels), LayerNorm(channels)
    places = int(np.prod([2 * size - 1 for size in window]))
    self.places = nnx.Param(_DEVIATION * normal(rngs, (places, heads)))
    self.attend_in = linear(channels, 3 * channels)
    self.attend_out = linear(channels, channels)
    self.grow = linear(channels, _HIDDEN * channels)
    self.shrink = linear(_HIDDEN * channels, channels)
    self.heads, self.window, self.shifted = heads, window, shifted
    self.drop_path, self.dtype = drop_path, dtype

  @remat.block('all')
  def __call__(
    self, x: jax.Array, mask: jax.Array, key: jax.Array | None
  ) -> jax.Array:
    """Maps tokens [n,s,h,w,c] to the same shape; mask bool [n,s].

    What is valid comes first in each sequence.
    """
    keys = (None,) * 2 if key is None else jax.random.split(key)
    y = layers.mask_frames(normed(self.norm1, x), mask)
    x = x + self._drop(self._attend(y, mask), keys[0])
    y = jax.nn.gelu(self.grow(normed(self.norm2, x)), approximate=False)
    return x + self._drop(self.shrink(y), keys[1])

  def _drop(self, x: jax.Array, key: jax.Array | None) -> jax.Array:
    if key is None or self.drop_path == 0:
      return x
    kept = 1 - self.drop_path
    keep = jax.random.bernoulli(key, kept, (len(x), 1, 1, 1, 1))
    return jnp.where(keep, x / jnp.asarray(kept, x.dtype), jnp.zeros_like(x))

  def _attend(self, x: jax.Array, mask: jax.Array) -> jax.Array:
    s, *size = x.shape[1:4]
    window = (min(self.window[0], s), *self.window[1:])
    shift = [
      part // 2 if self.shifted and part < length else 0
      for part, length in zip(window, (s, *size), strict=True)
    ]
    length = mask.sum(axis=1, dtype=jnp.int32)
    x, present = windows.placed(x, length, window[0], shift[0])
    x = jnp.roll(x, (-shift[1], -shift[2]), axis=(2, 3))
    y = self._within(
      windows.cut(x, window), windows.allowed(present, size, window, shift)
    )
    y = jnp.roll(windows.join(y, x.shape, window), shift[1:], axis=(2, 3))
    return windows.taken_back(y, length, window[0], shift[0])[:, :s]

  def _within(self, x: jax.Array, allowed: jax.Array) -> jax.Array:
    """Attends within windows: [n,m,k,c] to the same, allowed [n,m,k,k]."""
    n, m, k, c = x.shape
    x = self.attend_in(x).reshape(n, m, k, 3, self.heads, c // self.heads)
    query, keys, values = x[..., 0, :, :], x[..., 1, :, :], x[..., 2, :, :]
    query = query * jnp.asarray((c // self.heads) ** -0.5, x.dtype)
    scores = products.einsum('nmqhd,nmkhd->nmhqk', query, keys)
    scores = scores.astype(layers.wide(self.dtype))
    # A window cut short in time lacks its last places.
    places = self.places[...][windows.place_index(self.window)[:k, :k]]
    scores = scores + places.transpose(2, 0, 1)[None, None]
    least = jnp.finfo(scores.dtype).min / 2
    scores = jnp.where(allowed[:, :, None], scores, least)
    weights = jax.nn.softmax(scores).astype(self.dtype)
    y = products.einsum('nmhqk,nmkhd->nmqhd', weights, values)
    return self.attend_out(y.reshape(n, m, k, c))


def normed(norm: LayerNorm, x: jax.Array) -> jax.Array:
  """Normalises tokens [n,s,h,w,c]."""
  return norm(x.reshape(len(x), -1, x.shape[-1])).reshape(x.shape)


class Stage(nnx.Module):
  """Blocks, and what makes their tokens wider for the next stage."""

  def __init__(
    self,
    channels: int,
    heads: int,
    window: Window,
    rates: Sequence[float],
    *,
    widen: bool,
    rngs: nnx.Rngs,
    dtype: DTypeLike,
  ):
    block = functools.partial(Block, channels, heads, window, dtype=dtype)
    self.blocks = nnx.List(
      [
        block(shifted=i % 2 == 1, drop_path=rate, rngs=rngs)
        for i, rate in enumerate(rates)
      ]
    )
    linear = functools.partial(Linear, bias=False, rngs=rngs, dtype=dtype)
    self.between = LayerNorm(channels) if widen else None
    self.widen = linear(channels, 2 * channels) if widen else None

  def __call__(
    self, x: jax.Array, mask: jax.Array, keys: Sequence[jax.Array | None]
  ) -> jax.Array:
    """Maps tokens [n,s,h,w,c] to [n,s,h,w,d], with a key for each block."""
    for block, key in zip(self.blocks, keys, strict=True):
      x = block(x, mask, key)
    if self.between is None or self.widen is None:
      return x
    return self.widen(normed(self.between, x))


def torch_names(
  ours: str, theirs: str, depth: int, *, widen: bool
) -> Iterator[tuple[str, list[str], str]]:
  """Names the original's weights of a `Stage`; see `cstl.torch_names`."""
  for i in range(depth):
    mine, name = f'{ours}/blocks/{i}', f'{theirs}.blocks.{i}'
    yield (
      f'{mine}/places',
      [f'{name}.attn.relative_position_bias_table'],
      'same',
    )
    for norm in ('norm1', 'norm2'):
      yield from norm_names(f'{mine}/{norm}', f'{name}.{norm}')
    for own, there in (
      ('attend_in', 'attn.qkv'),
      ('attend_out', 'attn.proj'),
      ('grow', 'mlp.fc1'),
      ('shrink', 'mlp.fc2'),
    ):
      yield f'{mine}/{own}/kernel', [f'{name}.{there}.weight'], 'kernel'
      yield f'{mine}/{own}/bias', [f'{name}.{there}.bias'], 'same'
  if widen:
    yield from norm_names(f'{ours}/between', f'{theirs}.downsample.0')
    yield f'{ours}/widen/kernel', [f'{theirs}.downsample.1.weight'], 'kernel'


def norm_names(ours: str, theirs: str) -> Iterator[tuple[str, list[str], str]]:
  """Names the arrays of a LayerNorm in torch."""
  yield f'{ours}/scale', [f'{theirs}.weight'], 'same'
  yield f'{ours}/bias', [f'{theirs}.bias'], 'same'
