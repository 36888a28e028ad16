"""The two spans of time of GaitGS: neighbouring frames, and all of them.

Xiong et al., https://arxiv.org/abs/2305.19700.
"""

import functools
import operator
from collections.abc import Iterator

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from gaitgs_jax.models import attention, initializers, layers
from gaitgs_jax.models.attention import EncoderLayer
from gaitgs_jax.models.convolution import shifted_frames
from gaitgs_jax.models.initializers import kernel
from gaitgs_jax.models.layers import SeparateDense
from gaitgs_jax.models.temporal import MicroMotion, micro_motion_torch_names


class SpanExtractor(nnx.Module):
  """Embeds part features over a short span (local) and a long one (global)."""

  def __init__(
    self,
    *,
    parts: int,
    channels: int,
    features: int,
    heads: int,
    depth: int,
    position_taps: int,
    dropout: float,
    rngs: nnx.Rngs,
    dtype: DTypeLike,
  ):
    self.motion = MicroMotion(parts, channels, rngs=rngs, dtype=dtype)
    self.position = kernel(rngs, position_taps, 1, channels)
    self.token = nnx.Param(initializers.normal(rngs, (parts, channels)))
    self.layers = nnx.List(
      [
        EncoderLayer(channels, heads, dropout, rngs=rngs, dtype=dtype)
        for _ in range(depth)
      ]
    )
    # The original clones one layer and draws anew all but this projection.
    for layer in self.layers[1:]:
      layer.attend_in[...] = self.layers[0].attend_in[...]
    dense = functools.partial(
      SeparateDense, parts, channels, features, rngs=rngs, dtype=dtype
    )
    self.local, self.total = dense(), dense()
    self.dtype = dtype

  def __call__(
    self,
    x: jax.Array,
    mask: jax.Array,
    prior: jax.Array,
    key: jax.Array | None,
  ) -> jax.Array:
    """Maps part features [n,s,p,c] and a prior [n,c] to [n,p,d]."""
    x = self.motion(x, mask)
    local = self.local(layers.max_frames(x, mask))

    n, s, p, c = x.shape
    position = self.position[...].astype(self.dtype)[:, None, None]
    taps = shifted_frames(x, len(position))
    x = x + sum(map(operator.mul, taps, position))
    token = jnp.broadcast_to(self.token[...].astype(self.dtype), (n, 1, p, c))
    x = jnp.concatenate([token, x], axis=1)
    x = x + prior.astype(self.dtype)[:, None, None]
    # [n,1+s,p,c] -> [n*p,1+s,c]: each part attends over its own frames.
    x = x.swapaxes(1, 2).reshape(n * p, 1 + s, c)
    mask = jnp.pad(mask, ((0, 0), (1, 0)), constant_values=True)
    mask = jnp.repeat(mask, p, axis=0)
    for i, layer in enumerate(self.layers):
      last = i == len(self.layers) - 1
      layer_key = None if key is None else jax.random.fold_in(key, i)
      x = layer(x, mask, layer_key, queries=1 if last else None)
    return local + self.total(x.reshape(n, p, c))


def torch_names(
  ours: str, motion: str, span: str, local: str, *, parts: int, depth: int
) -> Iterator[tuple[str, list[str], str]]:
  """Names the released weights of a `SpanExtractor`; see `cstl.torch_names`.

  Args:
    ours: its path.
    motion: the original's name of its micro-motion.
    span: of its transformer.
    local: of the maps of its parts over the short span.
    parts: how many there are.
    depth: layers of the transformer.
  """
  yield from micro_motion_torch_names(f'{ours}/motion', motion, parts)
  yield f'{ours}/token', [f'{span}.cls_token'], 'token'
  yield f'{ours}/position', [f'{span}.CAPE.conv1d.conv.weight'], 'kernel'
  yield f'{ours}/local/kernel', [f'{local}.fc_bin'], 'same'
  total = f'{span}.L_Transformer.separate_mlp.fc_bin'
  yield f'{ours}/total/kernel', [total], 'same'
  for i in range(depth):
    layer = f'{span}.L_Transformer.attn.layers.{i}'
    yield from attention.torch_names(f'{ours}/layers/{i}', layer)
