"""GLN: maps of three depths, joined from the deepest to the finest.

Hou et al., "Gait Lateral Network: Learning Discriminative and Compact
Representations for Gait Recognition", ECCV 2020,
https://doi.org/10.1007/978-3-030-58545-7_22. The numbers are those of
https://github.com/ShiqiYu/OpenGait. It is trained in two phases: first without
classes, then from those weights with the compact block, which has the classes.
The published form of both is the defaults, on silhouettes of 128x88.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from gaitgs_jax.errors import BadValue
from gaitgs_jax.fields import Share
from gaitgs_jax.models import entry, heads, layers, norms, products, remat
from gaitgs_jax.models.convolution import convolve
from gaitgs_jax.models.initializers import kernel
from gaitgs_jax.models.output import GaitOutput
from gaitgs_jax.models.plain import Pair, torch_pair_names

# See `models.facts`.
FACTS = {'num_classes': ('compact/identity', 1)}

_BINS = (16, 8, 4, 2, 1)
# How many times the deepest maps are lower than the silhouettes.
_SHRINK = 4


def create(*, rngs: nnx.Rngs, dtype: str = 'float32', **config: Any) -> 'GLN':
  """Builds GLN from `config.model`; see `GLN` for the fields."""
  return GLN(rngs=rngs, dtype=jnp.dtype(dtype), **config)


class GLN(nnx.Module):
  """Silhouettes in, one embedding per body part and depth out.

  Frames are a set: neither their order nor repeating them all changes anything.

  Args:
    channels: widths of the three pairs of convolutions.
    lateral: width of the joined maps.
    bins: horizontal strips of each scale, which are embedded at each depth.
    features: channels of the embedding, and of the compact block's.
    dropout: share of the compact block's inputs.
    num_classes: training subjects; adds the compact block. None is the first
      phase.
    dtype: of the arithmetic; parameters stay float32, and norms and strips'
      means are never computed in less.

  Raises:
    ValueError: channels are not three, or dropout is not in 0..1.
  """

  def __init__(
    self,
    *,
    channels: Sequence[int] = (32, 64, 128),
    lateral: int = 256,
    bins: Sequence[int] = _BINS,
    features: int = 256,
    dropout: Share = 0.9,
    num_classes: int | None = None,
    dtype: DTypeLike = jnp.float32,
    rngs: nnx.Rngs,
  ):
    if len(channels) != 3 or not 0 <= dropout < 1:
      raise BadValue(
        f'channels are {tuple(channels)} and dropout is {dropout}; they must '
        'be three widths, and 0 or more and less than 1'
      )
    pairs = list(zip((1, *channels), channels, strict=False))
    self.frames = nnx.List(
      [
        Pair(*widths, taps=3 if i else 5, rngs=rngs, dtype=dtype)
        for i, widths in enumerate(pairs)
      ]
    )
    self.sets = nnx.List(
      [Pair(*widths, rngs=rngs, dtype=dtype) for widths in pairs[1:]]
    )
    self.lateral = Lateral(channels, lateral, rngs=rngs, dtype=dtype)
    parts = len(channels) * sum(bins)
    self.head = layers.SeparateDense(
      parts, lateral, features, rngs=rngs, dtype=dtype
    )
    self.compact = (
      None
      if num_classes is None
      else Compact(
        parts, features, num_classes, dropout, rngs=rngs, dtype=dtype
      )
    )
    self.bins, self.dtype = tuple(bins), dtype

  @entry.silhouettes
  def __call__(
    self,
    inputs: jax.Array,
    mask: jax.Array,
    *,
    train: bool = False,
    key: jax.Array | None = None,
  ) -> GaitOutput:
    """Embeds silhouettes; the parts of the finest maps come first.

    Args:
      inputs: [n,s,h,w,1] in 0..1, with h and w divisible by 4; each of the bins
        divides h/4.
      mask: bool [n,s], which frames are valid; None means all.
      train: whether to drop out and to use the batch's own statistics.
      key: for the dropout; needed in training in the second phase unless
        dropout is 0.

    Returns:
      embedding and features [n,p,d], in front of the compact block; logits
      [n,1,k], or None in the first phase.
    """
    h, w = inputs.shape[2:4]
    if h % _SHRINK or w % _SHRINK:
      raise BadValue(
        f'silhouettes are {h} x {w}; GLN halves both sides twice and doubles '
        f'them again, so that {_SHRINK} must divide them'
      )
    x, mask = layers.front_frames(inputs.astype(self.dtype), mask, shortest=1)
    maps = self.lateral(self._levels(x, mask))
    parts = [heads.pool_strips(each[:, 0], self.bins) for each in maps]
    x = self.head(jnp.concatenate(parts, axis=1))
    x = x.astype(layers.wide(self.dtype))
    logits = None
    if self.compact is not None:
      logits = self.compact(x, train=train, key=key if train else None)
    return GaitOutput(embedding=x, features=x, logits=logits)

  def _levels(self, x: jax.Array, mask: jax.Array) -> list[jax.Array]:
    """Maps frames [n,s,h,w,1] to sets' maps [n,1,h/2^i,w/2^i,2*c] by depth."""

    def of_set(x: jax.Array) -> jax.Array:
      """Pools a set of frames [n,s,h,w,c] to one: [n,1,h,w,c]."""
      return layers.max_frames(x, mask)[:, None]

    x = self.frames[0](x)
    pooled = of_set(x)
    # As released: nothing but the frames speaks at the first depth, twice.
    y, levels = pooled, [jnp.concatenate([pooled, pooled], axis=-1)]
    for frames, sets in zip(self.frames[1:], self.sets, strict=True):
      x = frames(layers.max_pool(x))
      pooled = of_set(x)
      y = sets(layers.max_pool(y)) + pooled
      levels.append(jnp.concatenate([pooled, y], axis=-1))
    return levels


class Lateral(nnx.Module):
  """Adds deeper maps to finer ones, as https://arxiv.org/abs/1612.03144."""

  def __init__(
    self,
    channels: Sequence[int],
    features: int,
    *,
    rngs: nnx.Rngs,
    dtype: DTypeLike,
  ):
    self.reduce = nnx.List(
      [kernel(rngs, 1, 1, 2 * c, features) for c in channels]
    )
    self.smooth = nnx.List(
      [kernel(rngs, 3, 3, features, features) for _ in channels]
    )
    self.dtype = dtype

  @remat.block('all')
  def __call__(self, levels: Sequence[jax.Array]) -> list[jax.Array]:
    """Maps [n,1,h,w,2*c] of each depth, finest first, to [n,1,h,w,d]."""
    reduced = [
      convolve(x, each[...].astype(self.dtype))
      for x, each in zip(levels, self.reduce, strict=True)
    ]
    joined = [reduced[-1]]
    for x in reversed(reduced[:-1]):
      twice = joined[0].repeat(2, axis=2).repeat(2, axis=3)
      joined.insert(0, x + twice)
    return [
      convolve(x, each[...].astype(self.dtype))
      for x, each in zip(joined, self.smooth, strict=True)
    ]


class Compact(nnx.Module):
  """Joins all parts to one short vector, and classifies that.

  The paper's compact block. Neither norm learns a bias.
  """

  def __init__(
    self,
    parts: int,
    features: int,
    num_classes: int,
    dropout: float,
    *,
    rngs: nnx.Rngs,
    dtype: DTypeLike,
  ):
    self.norm = norms.BatchNorm(parts * features, rngs=rngs)
    self.reduce = kernel(rngs, parts * features, features)
    self.reduced_norm = norms.BatchNorm(features, rngs=rngs)
    self.norm.learns_bias = self.reduced_norm.learns_bias = False
    self.identity = kernel(rngs, features, num_classes)
    self.rate, self.dtype = dropout, dtype

  def __call__(
    self, x: jax.Array, *, train: bool, key: jax.Array | None
  ) -> jax.Array:
    """Maps part features [n,p,d] to logits [n,1,k]."""
    # As released: a feature's parts side by side.
    x = x.swapaxes(1, 2).reshape(len(x), -1)
    x = jax.nn.relu(layers.dropout(self.norm(x, train=train), self.rate, key))
    x = self.reduced_norm(self._dense(x, self.reduce), train=train)
    return self._dense(x, self.identity).astype(x.dtype)[:, None]

  def _dense(self, x: jax.Array, weight: nnx.Param) -> jax.Array:
    return products.matmul(x.astype(self.dtype), weight[...].astype(self.dtype))


def torch_names(
  *, num_classes: int | None = None, **_: Any
) -> Iterator[tuple[str, list[str], str]]:
  """Names OpenGait's weights; see `cstl.torch_names`."""
  for i in range(3):
    name = f'sil_stage_{i}.forward_block'
    yield from torch_pair_names(f'frames/{i}', name)
    for ours, theirs in (('reduce', 'lateral'), ('smooth', 'smooth')):
      weight = f'{theirs}_layer{i + 1}.weight'
      yield f'lateral/{ours}/{i}', [weight], 'kernel'
  for i in range(2):
    yield from torch_pair_names(f'sets/{i}', f'set_stage_{i + 1}')
  yield 'head/kernel', ['Head.fc_bin'], 'same'
  if num_classes is not None:
    yield from norms.norm_torch_names('compact/norm', 'encoder_bn')
    yield from norms.norm_torch_names('compact/reduced_norm', 'reduce_bn')
    yield 'compact/reduce', ['reduce_fc.weight'], 'kernel'
    yield 'compact/identity', ['reduce_cls.weight'], 'kernel'
