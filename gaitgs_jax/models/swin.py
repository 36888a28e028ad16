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

from gaitgs_jax.errors import BadValue
from gaitgs_jax.models import layers, products, remat
from gaitgs_jax.models.initializers import normal
from gaitgs_jax.models.layers import LayerNorm

Window = tuple[int, int, int]

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
    x, present = _placed(x, length, window[0], shift[0])
    x = jnp.roll(x, (-shift[1], -shift[2]), axis=(2, 3))
    y = self._within(_cut(x, window), _allowed(present, size, window, shift))
    y = jnp.roll(_join(y, x.shape, window), shift[1:], axis=(2, 3))
    return _taken_back(y, length, window[0], shift[0])[:, :s]

  def _within(self, x: jax.Array, allowed: jax.Array) -> jax.Array:
    """Attends within windows: [n,m,k,c] to the same, allowed [n,m,k,k]."""
    n, m, k, c = x.shape
    x = self.attend_in(x).reshape(n, m, k, 3, self.heads, c // self.heads)
    query, keys, values = x[..., 0, :, :], x[..., 1, :, :], x[..., 2, :, :]
    query = query * jnp.asarray((c // self.heads) ** -0.5, x.dtype)
    scores = products.einsum('nmqhd,nmkhd->nmhqk', query, keys)
    scores = scores.astype(layers.wide(self.dtype))
    # A window cut short in time lacks its last places.
    places = self.places[...][place_index(self.window)[:k, :k]]
    scores = scores + places.transpose(2, 0, 1)[None, None]
    least = jnp.finfo(scores.dtype).min / 2
    scores = jnp.where(allowed[:, :, None], scores, least)
    weights = jax.nn.softmax(scores).astype(self.dtype)
    y = products.einsum('nmhqk,nmkhd->nmqhd', weights, values)
    return self.attend_out(y.reshape(n, m, k, c))


def normed(norm: LayerNorm, x: jax.Array) -> jax.Array:
  """Normalises tokens [n,s,h,w,c]."""
  return norm(x.reshape(len(x), -1, x.shape[-1])).reshape(x.shape)


def place_index(window: Window) -> np.ndarray:
  """Returns for two tokens of a window [k,k] the index of their offset."""
  places = np.indices(window).reshape(3, -1)
  offset = places[:, :, None] - places[:, None]
  sizes = np.array(window)[:, None, None]
  return np.ravel_multi_index(
    tuple(offset + sizes - 1), tuple(2 * size - 1 for size in window)
  )


def _placed(
  x: jax.Array, length: jax.Array, window: int, shift: int
) -> tuple[jax.Array, jax.Array]:
  """Places frames so that windows in time begin at multiples of their size.

  As released, a sequence longer than a window is filled up with zeros to a
  multiple of it, which are attended to; a shorter one is a window of its own,
  and is not shifted. Released windows are shifted around the ends of time, and
  the two ends do not see one another; here they are windows of their own.

  Args:
    x: [n,s,h,w,c], zeros behind the valid frames.
    length: [n], how many these are.
    window: its size in time.
    shift: of the windows.

  Returns:
    The frames [n,s',h,w,c], and bool [n,s'] which are there.
  """
  s = x.shape[1]
  size = (-(-s // window) + bool(shift)) * window

  def after(blank: int) -> jax.Array:
    spare = (blank, size - s - blank)
    return jnp.pad(x, ((0, 0), spare, (0, 0), (0, 0), (0, 0)))

  is_long = length > window
  filled = jnp.where(is_long, -(-length // window) * window, length)
  place = jnp.arange(size, dtype=jnp.int32)[None]
  if not shift:
    return after(0), place < filled[:, None]
  lead = window - shift
  place = place - jnp.where(is_long, lead, window)[:, None]
  x = jnp.where(_over(is_long, x), after(lead), after(window))
  return x, (place >= 0) & (place < filled[:, None])


def _taken_back(
  x: jax.Array, length: jax.Array, window: int, shift: int
) -> jax.Array:
  """Undoes `_placed`, but for the zeros at the end."""
  if not shift:
    return x
  end = x.shape[1] - shift
  is_long = _over(length > window, x)
  return jnp.where(is_long, x[:, window - shift : end], x[:, window:])


def _over(condition: jax.Array, x: jax.Array) -> jax.Array:
  """Gives a condition [n] the axes of x [n,...]."""
  return condition.reshape(-1, *(1,) * (x.ndim - 1))


def _cut(x: jax.Array, window: Window) -> jax.Array:
  """Cuts [n,s,h,w,c] into windows [n,m,k,c]."""
  (n, s, h, w, c), (i, j, k) = x.shape, window
  x = x.reshape(n, s // i, i, h // j, j, w // k, k, c)
  return x.transpose(0, 1, 3, 5, 2, 4, 6, 7).reshape(n, -1, i * j * k, c)


def _join(x: jax.Array, shape: tuple[int, ...], window: Window) -> jax.Array:
  """Joins windows [n,m,k,c] to the shape that they were cut from."""
  (n, s, h, w, c), (i, j, k) = shape, window
  x = x.reshape(n, s // i, h // j, w // k, i, j, k, c)
  return x.transpose(0, 1, 4, 2, 5, 3, 6, 7).reshape(shape)


def _allowed(
  present: jax.Array,
  size: Sequence[int],
  window: Window,
  shift: Sequence[int],
) -> jax.Array:
  """Returns bool [n,m,k,k]: which token of a window may see which.

  All that is there is seen, but not from one edge of the frame to the other,
  which a shift brings into one window.
  """
  n, s = present.shape
  region = np.zeros((1, 1, *size, 1), np.int32)
  for axis in (1, 2):
    if shift[axis]:
      places = np.arange(size[axis - 1]) >= size[axis - 1] - shift[axis]
      ahead = places[:, None] if axis == 1 else places[None]
      region = 2 * region + ahead[None, None, ..., None]
  regions = jnp.broadcast_to(jnp.asarray(region), (1, s, *size, 1))
  same = _cut(regions, window)[..., 0]
  there = jnp.broadcast_to(present[:, :, None, None, None], (n, s, *size, 1))
  there = _cut(there, window)[..., 0]
  return (same[:, :, :, None] == same[:, :, None]) & there[:, :, None]


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


def check(size: Sequence[int], window: Sequence[int]) -> None:
  """Raises ValueError unless windows divide frames of a size."""
  fits = (len(window), len(size)) == (3, 2) and not any(
    length % part for length, part in zip(size, window[1:], strict=True)
  )
  if not fits:
    raise BadValue(
      f'window {tuple(window)} is frames, rows and columns; it must divide '
      f'the rows and columns of tokens, grid {tuple(size)}'
    )


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
