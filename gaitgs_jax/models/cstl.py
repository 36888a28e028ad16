"""CSTL: gait recognition from motion at three scales of time.

Huang et al., "Context-Sensitive Temporal Feature Learning for Gait
Recognition", ICCV 2021. The numbers are those of the released code,
https://github.com/OliverHxh/CSTL; docs/porting.md tells what is different here.
The published forms differ only in the number of parts, one for each row of the
maps: 32 for silhouettes of 64x44 (the default), 64 for 128x88.
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
from gaitgs_jax.models import entry, layers, norms, remat
from gaitgs_jax.models.convolution import convolve
from gaitgs_jax.models.initializers import kernel
from gaitgs_jax.models.layers import SeparateDense, leaky_relu, mask_frames
from gaitgs_jax.models.output import GaitOutput
from gaitgs_jax.models.part_scores import (
  NormedConvolution,
  PartConvolution,
  Score,
  weighted_mean,
)

# See `models.facts`.
FACTS = {'num_classes': ('identity/kernel', 2)}


def create(*, rngs: nnx.Rngs, dtype: str = 'float32', **config: Any) -> 'CSTL':
  """Builds CSTL from `config.model`; see `CSTL` for the fields."""
  return CSTL(rngs=rngs, dtype=jnp.dtype(dtype), **config)


class CSTL(nnx.Module):
  """Silhouettes in, one embedding per body part out.

  Args:
    channels: widths of the extractor; the last one is convolved twice.
    parts: horizontal strips that are embedded; published with one for each row
      of the maps, which is half the height of the silhouettes.
    features: channels of the embedding.
    squeeze: how many times the bottlenecks of all scores are narrower.
    num_classes: training subjects.
    dtype: of the arithmetic; parameters stay float32, and norms, scores and
      weighted means are never computed in less.

  Raises:
    ValueError: the last width is less than `squeeze`.
  """

  def __init__(
    self,
    *,
    channels: Sequence[int] = (32, 64, 128),
    parts: int = 32,
    features: int = 256,
    squeeze: int = 16,
    num_classes: int = 73,
    dtype: DTypeLike = jnp.float32,
    rngs: nnx.Rngs,
  ):
    if not channels or channels[-1] < squeeze:
      raise BadValue(
        f'the channels are {tuple(channels)}: the last one must be squeeze='
        f'{squeeze} or more'
      )
    width = channels[-1]
    self.parts, self.dtype = parts, dtype
    pairs = itertools.pairwise((1, *channels, width))
    self.extractor = nnx.List([kernel(rngs, 3, 3, c, d) for c, d in pairs])
    self.scales = TemporalScales(parts, width, squeeze, rngs=rngs)
    self.aggregation = AdaptiveAggregation(parts, width, squeeze, rngs=rngs)
    self.salient = SalientParts(parts, width, squeeze, rngs=rngs)
    self.head = SeparateDense(
      parts, 3 * width, features, rngs=rngs, dtype=dtype
    )
    self.norm = norms.BatchNorm(parts, width, rngs=rngs)
    # One classifier for all parts.
    self.identity = SeparateDense(1, width, num_classes, rngs=rngs, dtype=dtype)

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
      inputs: [n,s,h,w,1] in 0..1, with h divisible by 2 * parts.
      mask: bool [n,s], which frames are valid; None means all.
      train: whether to use the batch's own statistics.
      key: not used, as nothing is random.

    Returns:
      embedding and features [n,p,d], logits [n,p,k].
    """
    x, mask = layers.front_frames(inputs.astype(self.dtype), mask, shortest=1)
    x = layers.strips_to_parts(self._maps(x), self.parts)
    scales = self.scales(x, mask, train=train)
    mixed = self.aggregation(scales, mask)
    weighted, selected = self.salient(scales, mask, train=train)
    embedding = self.head(jnp.concatenate([mixed, weighted, selected], -1))

    n, p, c = weighted.shape
    logits = self.norm(weighted, train=train).reshape(n * p, 1, c)
    logits = self.identity(logits).reshape(n, p, -1)
    wide = layers.wide(self.dtype)
    embedding, logits = embedding.astype(wide), logits.astype(wide)
    return GaitOutput(embedding, embedding, logits)

  @remat.block('stem')
  def _maps(self, x: jax.Array) -> jax.Array:
    """Maps each frame by itself, [n,s,h,w,1] to [n,s,h/2,w/2,c]."""
    for i, each in enumerate(self.extractor):
      taps = each[...].astype(self.dtype)[None]
      x = leaky_relu(convolve(x, taps, lowering='frames'))
      if i == 1:
        x = layers.max_pool(x)
    return x


class TemporalScales(nnx.Module):
  """Features of a frame, of a few frames and of the whole sequence.

  The paper's multi-scale temporal extraction.
  """

  def __init__(
    self, parts: int, channels: int, squeeze: int, *, rngs: nnx.Rngs
  ):
    block = functools.partial(NormedConvolution, parts, 3, channels, channels)
    self.short = nnx.List([block(rngs=rngs), block(rngs=rngs)])
    self.score = Score(parts, channels, squeeze, channels, rngs=rngs)

  @remat.block('all')
  def __call__(
    self, x: jax.Array, mask: jax.Array, *, train: bool
  ) -> list[jax.Array]:
    """Maps part features [n,s,p,c] to the three scales, each [n,s,p,c].

    Args:
      x: zero where the mask is False.
      mask: bool [n,s].
      train: whether to use the batch's own statistics.
    """
    first = self.short[0](x, mask, train=train)
    # A norm shifts padded frames away from the zeros that end a sequence.
    first = mask_frames(first, mask)
    short = first + self.short[1](first.astype(x.dtype), mask, train=train)
    long = weighted_mean(x, self.score(x, mask, train=train), mask)
    long = jnp.broadcast_to(long[:, None], x.shape)
    return [x, short.astype(x.dtype), long.astype(x.dtype)]


class AdaptiveAggregation(nnx.Module):
  """Averages over frames and scales, weighted by how they relate.

  The paper's adaptive temporal aggregation.
  """

  def __init__(
    self, parts: int, channels: int, squeeze: int, *, rngs: nnx.Rngs
  ):
    hidden = 3 * channels // squeeze
    self.squeeze = PartConvolution(parts, 1, 3 * channels, hidden, rngs=rngs)
    self.score = PartConvolution(parts, 1, hidden, 3 * channels, rngs=rngs)

  @remat.block('all')
  def __call__(self, scales: Sequence[jax.Array], mask: jax.Array) -> jax.Array:
    """Maps the three scales, each [n,s,p,c], to [n,p,c]."""
    x = list(itertools.accumulate(scales))
    n, s, p, c = x[0].shape
    hidden = leaky_relu(self.squeeze(jnp.concatenate(x, axis=-1)))
    score = self.score(hidden).reshape(n, s, p, 3, c)
    return leaky_relu(
      weighted_mean(jnp.stack(x, axis=3), score, mask, axis=(1, 3))
    )


class SalientParts(nnx.Module):
  """Rates each part in each frame; averages, and picks the best frame.

  The paper's salient spatial feature learning.
  """

  def __init__(
    self, parts: int, channels: int, squeeze: int, *, rngs: nnx.Rngs
  ):
    self.score = Score(parts, 3 * channels, squeeze, 1, rngs=rngs)
    self.reduce = PartConvolution(parts, 1, 3 * channels, channels, rngs=rngs)

  @remat.block('all')
  def __call__(
    self, scales: Sequence[jax.Array], mask: jax.Array, *, train: bool
  ) -> tuple[jax.Array, jax.Array]:
    """Maps the three scales, each [n,s,p,c], to two features, each [n,p,c].

    Returns:
      The mean weighted by score, and each part's frame features where its score
      is highest; that hard choice carries no gradient to the score.
    """
    x = jnp.concatenate(scales, axis=-1)
    score = self.score(x, mask, train=train)
    weighted = weighted_mean(self.reduce(x), score, mask)
    best = jnp.argmax(mask_frames(score, mask, -jnp.inf), axis=1, keepdims=True)
    selected = jnp.take_along_axis(scales[0], best, axis=1)[:, 0]
    return weighted, selected.astype(weighted.dtype)


def torch_names(
  *,
  channels: Sequence[int] = (32, 64, 128),
  parts: int = 32,
  **_: Any,
) -> Iterator[tuple[str, list[str], str]]:
  """Names the released code's weights.

  The arguments are those of `CSTL`.

  Yields:
    Our path, their names (several where we stack them) and the layout, one of
    `gaitgs_jax.interop.torch.LAYOUTS`.
  """
  for i in range(len(channels) + 1):
    name = f'conv2d_{i + 1}.forward_block.conv2d.weight'
    yield f'extractor/{i}', [name], 'kernel'
  for ours, theirs in (
    ('scales/short/0/convolution', 'multi_scale.short_term.0.0'),
    ('scales/short/1/convolution', 'multi_scale.short_term.1.0'),
    ('scales/score/squeeze/convolution', 'multi_scale.score.0'),
    ('scales/score/rate', 'multi_scale.score.3'),
    ('aggregation/squeeze', 'adaptive_aggregation.in_conv'),
    ('aggregation/score', 'adaptive_aggregation.out_conv'),
    ('salient/score/squeeze/convolution', 'salient_learning.part_score.0'),
    ('salient/score/rate', 'salient_learning.part_score.3'),
    ('salient/reduce', 'salient_learning.decay_channel'),
  ):
    yield f'{ours}/kernel', [f'{theirs}.weight'], 'kernel'
  yield 'identity/kernel', ['salient_learning.fc'], 'same'
  yield 'head/kernel', ['fc_bin'], 'same'
  for ours, theirs in norms.NORM_TORCH_NAMES:
    for norm, name in (
      ('scales/short/0/norm', 'multi_scale.short_term.0.1'),
      ('scales/short/1/norm', 'multi_scale.short_term.1.1'),
      ('scales/score/squeeze/norm', 'multi_scale.score.1'),
      ('salient/score/squeeze/norm', 'salient_learning.part_score.1'),
    ):
      yield f'{norm}/{ours}', [f'{name}.{theirs}'], 'same'
    each = [f'salient_learning.bn.{part}.{theirs}' for part in range(parts)]
    yield f'norm/{ours}', each, 'parts'


def torch_container(**_: Any) -> tuple[str, str]:
  """Returns the state dict's key in the original's file, and its prefix."""
  return '', 'module.'
