"""SkeletonGait++: maps of skeletons and silhouettes, weighed pixel by pixel.

Fan et al., "SkeletonGait: Gait Recognition Using Skeleton Maps", AAAI 2024,
https://arxiv.org/abs/2311.13444. The numbers are those of
https://github.com/ShiqiYu/OpenGait; for the datasets from outdoors:
blocks=(1, 4, 4, 1).
"""

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from gaitgs_jax.models import convolution, entry, heads, layers, resnet
from gaitgs_jax.models.initializers import kernel
from gaitgs_jax.models.output import GaitOutput
from gaitgs_jax.models.resnet import NormedConvolution, Plan, ResNet, Stages

# See `models.facts`.
FACTS = {'num_classes': ('neck/identity/kernel', 2)}

# Modality -> channels, and the name of its branch in OpenGait.
_MODALITIES = {'heatmaps': 2, 'silhouettes': 1}
_BRANCHES = {'heatmaps': 'map', 'silhouettes': 'sil'}
# Channels of both branches by those in between, where their weights are made.
_SQUEEZE = 16


def create(
  *, rngs: nnx.Rngs, dtype: str = 'float32', **config: Any
) -> 'SkeletonGaitPP':
  """Builds SkeletonGait++ from `config.model`; see `SkeletonGaitPP`."""
  return SkeletonGaitPP(rngs=rngs, dtype=jnp.dtype(dtype), **config)


class SkeletonGaitPP(nnx.Module):
  """Heat maps and silhouettes in, one embedding per body part out.

  The first stage is there for each of them; the other stages, whose blocks are
  those of DeepGaitV2's kind p3d, see a weighted mean.

  Args:
    blocks: how many each of the stages has.
    channels: widths of the stages, four of them as published.
    bins: horizontal strips that are embedded; several numbers cut the maps
      several times.
    features: channels of the embedding.
    behind_neck: whether the embedding is that behind the norm and of length 1
      (`use_emb2` there), not what the metric loss sees.
    num_classes: training subjects.
    dtype: of the arithmetic; parameters stay float32, and norms and strips'
      means are never computed in less.

  Raises:
    ValueError: as many blocks as channels are not given.
  """

  def __init__(
    self,
    *,
    blocks: Sequence[int] = (1, 1, 1, 1),
    channels: Sequence[int] = resnet.CHANNELS,
    bins: Sequence[int] = (16,),
    features: int = 256,
    behind_neck: bool = False,
    num_classes: int = 74,
    dtype: DTypeLike = jnp.float32,
    rngs: nnx.Rngs,
  ):
    first, rest = _plan(channels, blocks)
    branch = functools.partial(ResNet, first, rngs=rngs, dtype=dtype)
    self.heatmaps = branch(inputs=_MODALITIES['heatmaps'])
    self.silhouettes = branch(inputs=_MODALITIES['silhouettes'])
    self.fusion = Fusion(channels[0], rngs=rngs, dtype=dtype)
    self.trunk = Stages(rest, rngs=rngs, dtype=dtype)
    self.bins, self.behind_neck, self.dtype = tuple(bins), behind_neck, dtype
    parts = sum(bins)
    self.head, self.neck = heads.head_and_neck(
      parts, channels[-1], features, num_classes, rngs=rngs, dtype=dtype
    )

  @entry.maps(**_MODALITIES)
  def __call__(
    self,
    inputs: Mapping[str, jax.Array],
    mask: jax.Array,
    *,
    train: bool = False,
    key: jax.Array | None = None,
  ) -> GaitOutput:
    """Embeds heat maps and silhouettes of the same frames.

    Args:
      inputs: heatmaps [n,s,h,w,2], limbs before joints, and silhouettes
        [n,s,h,w,1], in 0..1; each of the bins divides the height of the maps,
        which is h/4.
      mask: bool [n,s], which frames are valid; None means all. Behind the last
        one the blocks see zeros, as behind the end of a sequence.
      train: whether to use the batch's own statistics.
      key: not used, as nothing is random.

    Returns:
      embedding and features [n,p,d]; logits [n,p,k], which are cosines.
    """
    x = jnp.concatenate([inputs[name] for name in _MODALITIES], axis=-1)
    x, mask = layers.front_frames(x.astype(self.dtype), mask, shortest=1)
    c = _MODALITIES['heatmaps']
    maps = self.heatmaps(x[..., :c], mask, train=train)
    silhouettes = self.silhouettes(x[..., c:], mask, train=train)
    x = self.fusion(silhouettes, maps, mask, train=train)
    x = layers.max_frames(self.trunk(x, mask, train=train), mask)
    return heads.embed_parts(
      heads.pool_strips(x, self.bins),
      self.head,
      self.neck,
      behind_neck=self.behind_neck,
      train=train,
    )


def _plan(
  channels: Sequence[int], blocks: Sequence[int]
) -> tuple[list[Plan], list[Plan]]:
  """Returns the blocks of the first stage, and those of the others."""
  plan = resnet.plan(channels, blocks, 'p3d')
  return [b for b in plan if b.stage == 1], [b for b in plan if b.stage > 1]


class Fusion(nnx.Module):
  """The mean of two maps, weighed for each channel and pixel by both."""

  def __init__(self, channels: int, *, rngs: nnx.Rngs, dtype: DTypeLike):
    c, squeezed = 2 * channels, max(1, channels // _SQUEEZE)
    make = functools.partial(NormedConvolution, rngs=rngs, dtype=dtype)
    self.squeeze = make(c, squeezed, (1, 1))
    self.mix = make(squeezed, squeezed)
    self.score = kernel(rngs, 1, 1, squeezed, c)
    self.dtype = dtype

  def __call__(
    self, x: jax.Array, y: jax.Array, mask: jax.Array, *, train: bool
  ) -> jax.Array:
    """Maps twice [n,s,h,w,c] to [n,s,h,w,c]."""
    z = jnp.concatenate([x, y], axis=-1)
    for layer in (self.squeeze, self.mix):
      z = jax.nn.relu(layer(z, mask, train=train))
    scores = convolution.convolve(z, self.score[...].astype(self.dtype))
    of_x, of_y = jnp.split(scores.astype(layers.wide(self.dtype)), 2, axis=-1)
    # The softmax of two.
    share = jax.nn.sigmoid(of_x - of_y).astype(self.dtype)
    return x * share + y * (1 - share)


def torch_names(
  *,
  blocks: Sequence[int] = (1, 1, 1, 1),
  channels: Sequence[int] = resnet.CHANNELS,
  **_: Any,
) -> Iterator[tuple[str, list[str], str]]:
  """Names OpenGait's weights, as `cstl.torch_names` its own."""
  first, rest = _plan(channels, blocks)
  for ours, theirs in _BRANCHES.items():
    stem = f'{theirs}_layer0.forward_block'
    yield from resnet.normed_torch_names(
      f'{ours}/stem', f'{stem}.0', f'{stem}.1'
    )
    for path, names, layout in resnet.torch_names(
      ours, first, resnet.torch_stage
    ):
      yield path, [f'{theirs}_{name}' for name in names], layout
  fusion = 'fusion.conv.forward_block'
  for ours, i in (('squeeze', 0), ('mix', 3)):
    yield from resnet.normed_torch_names(
      f'fusion/{ours}', f'{fusion}.{i}', f'{fusion}.{i + 1}'
    )
  yield 'fusion/score', [f'{fusion}.6.weight'], 'kernel'
  yield from resnet.torch_names('trunk', rest, resnet.torch_stage)
  yield from heads.torch_names()
