"""A transformer layer over tokens."""

import functools
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
from flax import nnx
from jax import export
from jax.typing import DTypeLike

from gaitgs_jax.models import products, remat
from gaitgs_jax.models.initializers import kernel
from gaitgs_jax.models.layers import dropout, wide
from gaitgs_jax.models.norms import LayerNorm

# Scores of an attention that are held at once: 512 MiB in float32.
_MOST_SCORES = 1 << 27


class EncoderLayer(nnx.Module):
  """A pre-norm transformer layer, as torch.nn.TransformerEncoderLayer."""

  def __init__(
    self,
    channels: int,
    heads: int,
    dropout: float,
    *,
    feed_forward: int = 256,
    rngs: nnx.Rngs,
    dtype: DTypeLike,
  ):
    self.norm1 = LayerNorm(channels)
    self.attend_in = kernel(rngs, channels, 3 * channels)
    self.attend_in_bias = nnx.Param(jnp.zeros((3 * channels,)))
    self.attend_out = kernel(rngs, channels, channels)
    self.attend_out_bias = nnx.Param(jnp.zeros((channels,)))
    self.norm2 = LayerNorm(channels)
    self.grow = kernel(rngs, channels, feed_forward)
    self.grow_bias = nnx.Param(jnp.zeros((feed_forward,)))
    self.shrink = kernel(rngs, feed_forward, channels)
    self.shrink_bias = nnx.Param(jnp.zeros((channels,)))
    self.heads, self.rate, self.dtype = heads, dropout, dtype

  @remat.block('all')
  def __call__(
    self,
    x: jax.Array,
    mask: jax.Array,
    key: jax.Array | None,
    *,
    queries: int | None = None,
  ) -> jax.Array:
    """Maps tokens [n,s,c] to [n,q,c]: the first `queries` tokens, or all."""
    keys = (None,) * 4 if key is None else jax.random.split(key, 4)
    drop = functools.partial(dropout, rate=self.rate)
    y = self._attend(self.norm1(x).astype(self.dtype), mask, queries, keys[0])
    x = x[:, :queries] + drop(y, key=keys[1])
    y = self.norm2(x).astype(self.dtype)
    y = jax.nn.gelu(
      self._dense(y, self.grow, self.grow_bias), approximate=False
    )
    y = self._dense(drop(y, key=keys[2]), self.shrink, self.shrink_bias)
    return x + drop(y, key=keys[3])

  def _attend(
    self,
    x: jax.Array,
    mask: jax.Array,
    queries: int | None,
    key: jax.Array | None,
  ) -> jax.Array:
    n, s, c = x.shape
    x = self._dense(x, self.attend_in, self.attend_in_bias)
    x = x.reshape(n, s, 3, self.heads, c // self.heads)
    query, keys, values = x[:, :queries, 0], x[:, :, 1], x[:, :, 2]
    scale = jnp.asarray((c // self.heads) ** -0.5, x.dtype)

    def attend(query: jax.Array) -> jax.Array:
      scores = products.einsum('nqhd,nkhd->nhqk', query * scale, keys)
      scores = scores.astype(wide(self.dtype))
      scores = jnp.where(mask[:, None, None], scores, -jnp.inf)
      weights = jax.nn.softmax(scores).astype(self.dtype)
      weights = dropout(weights, self.rate, key)
      return products.einsum('nhqk,nkhd->nqhd', weights, values)

    # Dropout draws for all queries at once; for a length that is not known yet
    # nobody can count how many fit in memory.
    block = query.shape[1]
    if key is None and not export.is_symbolic_dim(s):
      block = _queries(n * self.heads * s)
    y = _in_blocks(attend, query, block).reshape(n, -1, c)
    return self._dense(y, self.attend_out, self.attend_out_bias)

  def _dense(
    self, x: jax.Array, weight: nnx.Param, bias: nnx.Param
  ) -> jax.Array:
    shift = bias[...].astype(self.dtype)[None, None]
    return products.matmul(x, weight[...].astype(self.dtype)) + shift


def _queries(scores: int) -> int:
  """Returns how many queries to attend at once, of `scores` numbers each."""
  return max(1, _MOST_SCORES // scores)


def _in_blocks(
  function: Callable[[jax.Array], jax.Array], x: jax.Array, block: int
) -> jax.Array:
  """Applies a function to [n,s,...], at most `block` of s at a time."""
  n, s = x.shape[:2]
  if s <= block:
    return function(x)
  count = -(-s // block)
  padding = ((0, 0), (0, count * block - s), *((0, 0),) * (x.ndim - 2))
  x = jnp.pad(x, padding).reshape(n, count, block, *x.shape[2:])
  y = jax.lax.map(function, x.swapaxes(0, 1)).swapaxes(0, 1)
  return y.reshape(n, count * block, *y.shape[3:])[:, :s]


# Our names in `EncoderLayer`, torch's, and the layout (see interop/torch.py).
_TORCH_NAMES = (
  ('norm1/scale', 'norm1.weight', 'same'),
  ('norm1/bias', 'norm1.bias', 'same'),
  ('attend_in', 'self_attn.in_proj_weight', 'kernel'),
  ('attend_in_bias', 'self_attn.in_proj_bias', 'same'),
  ('attend_out', 'self_attn.out_proj.weight', 'kernel'),
  ('attend_out_bias', 'self_attn.out_proj.bias', 'same'),
  ('norm2/scale', 'norm2.weight', 'same'),
  ('norm2/bias', 'norm2.bias', 'same'),
  ('grow', 'linear1.weight', 'kernel'),
  ('grow_bias', 'linear1.bias', 'same'),
  ('shrink', 'linear2.weight', 'kernel'),
  ('shrink_bias', 'linear2.bias', 'same'),
)


def torch_names(ours: str, theirs: str) -> Iterator[tuple[str, list[str], str]]:
  """Names the arrays of an `EncoderLayer` in torch; see `cstl.torch_names`."""
  for array, name, layout in _TORCH_NAMES:
    yield f'{ours}/{array}', [f'{theirs}.{name}'], layout
