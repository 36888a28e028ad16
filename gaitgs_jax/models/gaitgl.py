"""GaitGL: the whole body and its strips, convolved in space and time.

Lin et al., "Gait Recognition via Effective Global-Local Feature Representation
and Local Temporal Aggregation", ICCV 2021, https://arxiv.org/abs/2011.01461.
The numbers are those of https://github.com/ShiqiYu/OpenGait. The published
forms:

  CASIA-B, Gait3D: the defaults;
  OU-MVLP, GREW: channels=(32, 64, 128, 256), depth=2, strips=2;
  GREW with a neck: the same with neck='cosine'.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from gaitgs_jax.errors import BadValue
from gaitgs_jax.models import entry, heads, layers, norms, remat
from gaitgs_jax.models.convolution import convolve, convolve_with_strips
from gaitgs_jax.models.initializers import kernel
from gaitgs_jax.models.layers import SeparateDense, leaky_relu, mask_frames
from gaitgs_jax.models.output import GaitOutput
from gaitgs_jax.models.temporal import UnitAggregation, unit_mask

# See `models.facts`.
FACTS = {'num_classes': ('neck/identity/kernel', 2)}

# See `models.unseen`.
UNSEEN = {'strips': '8 (CASIA-B, Gait3D) or 2 (OU-MVLP, GREW)'}

_NECKS = ('linear', 'cosine')


def create(
  *, rngs: nnx.Rngs, dtype: str = 'float32', **config: Any
) -> 'GaitGL':
  """Builds GaitGL from `config.model`; see `GaitGL` for the fields."""
  return GaitGL(rngs=rngs, dtype=jnp.dtype(dtype), **config)


class GaitGL(nnx.Module):
  """Silhouettes in, one embedding per body part out.

  Args:
    channels: widths: that of the first convolutions, and two or three further
      ones of the blocks; the last of three is convolved a second time.
    depth: first convolutions, and blocks of each width.
    strips: horizontal strips that a block convolves each by itself.
    parts: horizontal strips that are embedded.
    neck: between embedding and classes: 'linear', a norm whose result is the
      embedding, or 'cosine', one behind the embedding.
    num_classes: training subjects.
    dtype: of the arithmetic; parameters stay float32, and norms and pooling
      powers are never computed in less.

  Raises:
    ValueError: channels are not 3 or 4, depth is below 1, or the neck is
      unknown.
  """

  def __init__(
    self,
    *,
    channels: Sequence[int] = (32, 64, 128),
    depth: int = 1,
    strips: int = 8,
    parts: int = 64,
    neck: str = 'linear',
    num_classes: int = 74,
    dtype: DTypeLike = jnp.float32,
    rngs: nnx.Rngs,
  ):
    if len(channels) not in (3, 4) or depth < 1:
      raise BadValue(
        f'channels are {tuple(channels)} and depth is {depth}; they must be 3 '
        'or 4 widths, and 1 or more'
      )
    if neck not in _NECKS:
      raise BadValue(f'no neck {neck!r}; choose one of {[*_NECKS]}')
    first, width = channels[0], channels[-1]
    pairs = itertools.pairwise((1, *[first] * depth))
    self.first = nnx.List([kernel(rngs, 3, 3, 3, c, d) for c, d in pairs])
    self.units = UnitAggregation(first, rngs=rngs, dtype=dtype)
    widths = [
      d for d in (channels[1], channels[2], width) for _ in range(depth)
    ]
    self.blocks = nnx.List(
      [
        Block(c, d, strips, rngs=rngs, dtype=dtype)
        for c, d in itertools.pairwise((first, *widths))
      ]
    )
    self.power = nnx.Param(jnp.full((1,), 6.5))
    self.head = SeparateDense(parts, width, width, rngs=rngs, dtype=dtype)
    self.embeds_behind_neck = neck == 'linear'
    kind = LinearNeck if neck == 'linear' else heads.Neck
    self.neck = kind(parts, width, num_classes, rngs=rngs, dtype=dtype)
    self.depth, self.parts, self.dtype = depth, parts, dtype

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

    Every three frames become one, and the last s % 3 are dropped; one frame is
    taken three times, and two twice. Convolutions see zeros before and behind
    a sequence, in a padded batch too.

    Args:
      inputs: [n,s,h,w,1] in 0..1, with h divisible by 2 * strips and parts.
      mask: bool [n,s], which frames are valid; None means all.
      train: whether to use the batch's own statistics.
      key: not used, as nothing is random.

    Returns:
      embedding and features [n,p,d]; logits [n,p,k].
    """
    x, mask = layers.front_frames(inputs.astype(self.dtype), mask)
    x, mask = self._units(x, mask), unit_mask(mask)
    for i, block in enumerate(self.blocks, start=1):
      x = block(x, mask, joined=i == len(self.blocks))
      if i == self.depth:
        x = layers.max_pool(x)
    x = self.head(self._pool(layers.max_frames(x, mask)))
    x = x.astype(layers.wide(self.dtype))
    behind, logits = self.neck(x, train=train)
    x = behind if self.embeds_behind_neck else x
    return GaitOutput(embedding=x, features=x, logits=logits)

  @remat.block('stem')
  def _units(self, x: jax.Array, mask: jax.Array) -> jax.Array:
    """Maps frames [n,s,h,w,1] to units [n,floor(s/3),h,w,c]."""
    for each in self.first:
      x = leaky_relu(convolve(x, each[...].astype(self.dtype)))
      x = mask_frames(x, mask)
    return leaky_relu(self.units(x, unit_mask(mask)))

  def _pool(self, x: jax.Array) -> jax.Array:
    """Pools horizontal strips of maps [n,h,w,c] to [n,p,c].

    Raises:
      ValueError: the parts do not divide the height.
    """
    n, h, w, c = x.shape
    if h % self.parts:
      raise BadValue(
        f'{self.parts} parts do not divide silhouettes of height {h}'
      )
    x = x.reshape(n, self.parts, h // self.parts * w, c)
    wide = layers.wide(self.dtype)
    power = self.power[0].astype(wide)
    return heads.generalized_mean(x.astype(wide), power, axes=(2,))


class Block(nnx.Module):
  """A convolution of the whole map, and another of each horizontal strip."""

  def __init__(
    self,
    channels: int,
    features: int,
    strips: int,
    *,
    rngs: nnx.Rngs,
    dtype: DTypeLike,
  ):
    self.whole = kernel(rngs, 3, 3, 3, channels, features)
    self.strip = kernel(rngs, 3, 3, 3, channels, features)
    self.strips, self.dtype = strips, dtype

  @remat.block('stem')
  def __call__(
    self, x: jax.Array, mask: jax.Array, *, joined: bool
  ) -> jax.Array:
    """Maps [n,s,h,w,c] to [n,s,h,w,d], zero where the mask is False.

    Args:
      x: zero there too.
      mask: bool [n,s].
      joined: whether the two are one above the other, [n,s,2*h,w,d], instead
        of added up.
    """
    whole, strip = map(
      leaky_relu,
      convolve_with_strips(
        x,
        self.whole[...].astype(self.dtype),
        self.strip[...].astype(self.dtype),
        self.strips,
      ),
    )
    y = jnp.concatenate([whole, strip], axis=2) if joined else whole + strip
    return mask_frames(y, mask)


class LinearNeck(nnx.Module):
  """A BatchNorm that all parts share, and a linear classifier for each part."""

  def __init__(
    self,
    parts: int,
    features: int,
    num_classes: int,
    *,
    rngs: nnx.Rngs,
    dtype: DTypeLike,
  ):
    self.norm = norms.BatchNorm(features, rngs=rngs)
    self.identity = SeparateDense(
      parts, features, num_classes, rngs=rngs, dtype=dtype
    )

  def __call__(
    self, x: jax.Array, *, train: bool
  ) -> tuple[jax.Array, jax.Array]:
    """Maps [n,p,d] to the features behind the norm and to logits [n,p,k]."""
    x = self.norm(x, train=train)
    return x, self.identity(x).astype(x.dtype)


def torch_names(
  *, depth: int = 1, neck: str = 'linear', **_: Any
) -> Iterator[tuple[str, list[str], str]]:
  """Names OpenGait's weights; see `cstl.torch_names`."""
  for i in range(depth):
    # Activations are numbered too.
    yield f'first/{i}', [f'conv3d.{2 * i}.conv3d.weight'], 'kernel'
  yield 'units/kernel', ['LTA.0.conv3d.weight'], 'kernel'
  for i, (stage, k) in enumerate(
    itertools.product(('A0', 'A1', 'B2'), range(depth))
  ):
    block = f'GLConv{stage}.{k}' if depth > 1 else f'GLConv{stage}'
    for ours, theirs in (('whole', 'global'), ('strip', 'local')):
      name = f'{block}.{theirs}_conv3d.conv3d.weight'
      yield f'blocks/{i}/{ours}', [name], 'kernel'
  yield 'power', ['HPP.p'], 'same'
  yield 'head/kernel', ['Head0.fc_bin'], 'same'
  norm, classes = (
    ('Bn', 'Head1') if neck == 'linear' else ('BNNecks.bn1d', 'BNNecks')
  )
  yield from norms.norm_torch_names('neck/norm', norm)
  yield 'neck/identity/kernel', [f'{classes}.fc_bin'], 'same'
