"""GaitGS: gait recognition at several granularities and spans of time.

Xiong et al., https://arxiv.org/abs/2305.19700. The numbers are those of the
released code, https://github.com/Haijun-Xiong/GaitGS; docs/porting.md tells
where paper and code differ. The published forms differ only in arguments:

  CASIA-B, 64x44 and 128x88: the defaults;
  OU-MVLP: channels=(32, 64, 128, 256), strips=2, num_views=14,
    num_classes=5153.
"""

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from gaitgs_jax.errors import BadValue
from gaitgs_jax.fields import Share
from gaitgs_jax.models import (
  entry,
  granularities,
  heads,
  initializers,
  layers,
  norms,
  products,
  remat,
  spans,
)
from gaitgs_jax.models.granularities import Extractor
from gaitgs_jax.models.initializers import kernel
from gaitgs_jax.models.layers import SeparateDense
from gaitgs_jax.models.output import GaitOutput
from gaitgs_jax.models.temporal import (
  SQUEEZE,
  unit_mask,
)

# See `models.facts`.
FACTS = {'num_views': ('prior/head', 1), 'num_classes': ('identity/kernel', 2)}
# See `models.unseen`.
UNSEEN = {'strips': '8 (CASIA-B) or 2 (OU-MVLP)'}
# Frames of a sequence whose maps are all held at once where nothing is learned,
# and of a window of a longer one: multiples of 3.
_LONGEST, _WINDOW = 960, 480


def create(
  *, rngs: nnx.Rngs, dtype: str = 'float32', **config: Any
) -> 'GaitGS':
  """Builds GaitGS from `config.model`; see `GaitGS` for the fields."""
  return GaitGS(rngs=rngs, dtype=jnp.dtype(dtype), **config)


class GaitGS(nnx.Module):
  """Silhouettes in, one embedding per body part and granularity out.

  Args:
    channels: widths of the extractor; four of them add a block (OU-MVLP).
    parts: horizontal strips that are embedded, for each of the two branches.
    strips: horizontal strips that a block convolves each by itself.
    num_views: classes of camera views, which are predicted and used as prior.
    num_classes: training subjects; adds BatchNorm and an identity head. None
      is a model without.
    features: channels of the embedding.
    heads, depth, position_taps, dropout: of the transformer over frames.
    shrink: averages this many pixels each way first, for small models; not
      published.
    dtype: of the arithmetic; parameters stay float32, and norms, softmax and
      pooling powers are never computed in less.

  Raises:
    ValueError: channels are not 3 or 4, or sizes do not fit.
  """

  def __init__(
    self,
    *,
    channels: Sequence[int] = (32, 64, 128),
    parts: int = 32,
    strips: int = 8,
    num_views: int = 11,
    num_classes: int | None = None,
    features: int = 256,
    heads: int = 8,
    depth: int = 3,
    position_taps: int = 7,
    dropout: Share = 0.2,
    shrink: int = 1,
    dtype: DTypeLike = jnp.float32,
    rngs: nnx.Rngs,
  ):
    if len(channels) not in (3, 4):
      raise BadValue(f'channels are 3 or 4 widths, not {tuple(channels)}')
    width = channels[-1]
    if width % heads or width < SQUEEZE or not 0 <= dropout < 1:
      raise BadValue(
        f'the last of the channels is {width}, with {heads} heads, which must '
        f'divide it, and it must be {SQUEEZE} or more; dropout is {dropout}, '
        'and must be less than 1'
      )
    self.parts, self.shrink, self.dtype = parts, shrink, dtype
    self.extractor = Extractor(channels, strips, rngs=rngs, dtype=dtype)
    self.prior = ViewPrior(num_views, width, rngs=rngs, dtype=dtype)
    span = functools.partial(
      spans.SpanExtractor,
      parts=parts,
      channels=width,
      features=features,
      heads=heads,
      depth=depth,
      position_taps=position_taps,
      dropout=dropout,
      dtype=dtype,
    )
    self.fine = span(rngs=rngs)
    self.coarse = span(rngs=rngs)
    self.has_identity = num_classes is not None
    if num_classes is not None:
      self.norm = norms.BatchNorm(features, rngs=rngs)
      self.identity = SeparateDense(
        2 * parts, features, num_classes, rngs=rngs, dtype=dtype
      )

  @entry.silhouettes
  def __call__(
    self,
    inputs: jax.Array,
    mask: jax.Array,
    *,
    train: bool = False,
    key: jax.Array | None = None,
  ) -> GaitOutput:
    """Embeds silhouettes; the fine branch's parts come first.

    Args:
      inputs: [n,s,h,w,1] in 0..1, with h divisible by 2 * strips and
        2 * parts.
      mask: bool [n,s], which frames are valid; None means all.
      train: whether to drop out and to use the batch's own statistics.
      key: for the dropout; needed in training unless dropout is 0.

    Returns:
      embedding and features [n,2*parts,d]; logits [n,2*parts,k] or None;
      extras['view_logits'] [n,num_views].
    """
    x, mask = layers.front_frames(inputs.astype(self.dtype), mask)
    x = layers.mean_pool(x, self.shrink)
    coarse_mask = unit_mask(mask)
    window = not train and mask.shape[1] > _LONGEST
    extract = self._extract_in_windows if window else self._extract
    parts, coarse_parts, largest = extract(x, mask)
    prior, view_logits = self.prior(largest)
    keys = (None, None)
    if train and key is not None:
      keys = tuple(jax.random.split(key))
    fine = self.fine(parts, mask, prior, keys[0])
    coarse = self.coarse(coarse_parts, coarse_mask, prior, keys[1])
    embedding = jnp.concatenate([fine, coarse], axis=1)
    embedding = embedding.astype(layers.wide(self.dtype))
    logits = None
    if self.has_identity:
      embedding = self.norm(embedding, train=train)
      logits = self.identity(embedding).astype(embedding.dtype)
    return GaitOutput(
      embedding, embedding, logits, {'view_logits': view_logits}
    )

  def _extract(
    self, x: jax.Array, mask: jax.Array, edge: int = 0
  ) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Returns what is taken of the maps of both granularities.

    Args:
      x: [n,s,h,w,1].
      mask: bool [n,s].
      edge: frames at both ends that only lend their neighbours context, a
        multiple of 3; the result is without them.

    Returns:
      Part features [n,s',p,c] and [n,floor(s'/3),p,c], and the largest value of
      each place [n,h/2,w/2,2*c].
    """
    pooled, largest = [], []
    maps = self.extractor(x, mask)
    masks = mask, unit_mask(mask)
    for x, mask, cut in zip(maps, masks, (edge, edge // 3), strict=True):
      kept = slice(cut, x.shape[1] - cut)
      x, mask = x[:, kept], mask[:, kept]
      pooled.append(layers.strips_to_parts(x, self.parts))
      largest.append(self.prior.largest(x, mask))
    fine, coarse = pooled
    return fine, coarse, jnp.concatenate(largest, axis=-1)

  def _extract_in_windows(
    self, x: jax.Array, mask: jax.Array
  ) -> tuple[jax.Array, jax.Array, jax.Array]:
    """As `_extract`, a window of frames at a time, in a fixed memory.

    A window is computed with as many frames at both ends as the convolutions
    see, so that its own are those of the whole sequence.
    """
    n, s = mask.shape
    edge = 3 * (len(self.extractor.fine) + 1)
    count = -(-s // _WINDOW)
    pad = (edge, count * _WINDOW - s + edge)
    x = jnp.pad(x, ((0, 0), pad, *((0, 0),) * 3))
    mask = jnp.pad(mask, ((0, 0), pad))

    def one(start: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
      size = _WINDOW + 2 * edge
      cut = functools.partial(
        jax.lax.dynamic_slice_in_dim,
        start_index=start,
        slice_size=size,
        axis=1,
      )
      return self._extract(cut(x), cut(mask), edge)

    starts = _WINDOW * jnp.arange(count, dtype=jnp.int32)
    *pooled, largest = jax.lax.map(one, starts)
    parts, coarse = (
      each.swapaxes(0, 1).reshape(n, -1, *each.shape[3:]) for each in pooled
    )
    return parts[:, :s], coarse[:, : s // 3], layers.largest(largest, axis=0)


class ViewPrior(nnx.Module):
  """Predicts the view and looks up a learned vector for it.

  The hard choice follows the prediction in training too; the vector's index
  carries no gradient.
  """

  def __init__(
    self,
    num_views: int,
    channels: int,
    *,
    rngs: nnx.Rngs,
    dtype: DTypeLike,
  ):
    self.power = nnx.Param(jnp.asarray(6.5))
    self.head = kernel(rngs, 2 * channels, num_views)
    self.table = nnx.Param(initializers.normal(rngs, (num_views, channels)))
    self.dtype = layers.wide(dtype)

  @remat.block('all')
  def largest(self, maps: jax.Array, mask: jax.Array) -> jax.Array:
    """Returns the largest value over frames, [n,s,h,w,c] to [n,h,w,c]."""
    return layers.max_frames(maps, mask)

  @remat.block('all')
  def __call__(self, largest: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Returns the prior [n,c] and the view logits [n,num_views].

    Args:
      largest: [n,h,w,2*c], the largest value over frames of the maps of both
        granularities.
    """
    x = largest.astype(self.dtype)
    power = self.power[...].astype(self.dtype)
    pooled = heads.generalized_mean(x, power, axes=(1, 2))
    logits = products.matmul(pooled, self.head[...].astype(self.dtype))
    return self.table[...][jnp.argmax(logits, axis=-1)], logits


def torch_names(
  *,
  channels: Sequence[int] = (32, 64, 128),
  parts: int = 32,
  depth: int = 3,
  num_classes: int | None = None,
  **_: Any,
) -> Iterator[tuple[str, list[str], str]]:
  """Names the released code's weights.

  The arguments are those of `GaitGS`.

  Yields:
    Our path, their names (several where we stack them) and the layout, one of
    `gaitgs_jax.interop.torch.LAYOUTS`.
  """
  yield from granularities.torch_names('extractor', 'mgfe', len(channels))
  yield 'prior/power', ['PIEG.P'], 'same'
  yield 'prior/head', ['PIEG.view_cls.weight'], 'kernel'
  yield 'prior/table', ['PIEG.V_view'], 'same'
  for branch, *theirs in (
    ('fine', 'MCMs_S', 'catm_f', 'fc'),
    ('coarse', 'MCMs_C', 'catm_c', 'fc_L'),
  ):
    yield from spans.torch_names(branch, *theirs, parts=parts, depth=depth)
  if num_classes is not None:
    yield from norms.norm_torch_names('norm', 'Bn')
    yield 'identity/kernel', ['Head1.fc_bin'], 'same'
