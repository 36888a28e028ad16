"""DeepGaitV2: a deeper residual network that sees how gait moves.

Fan et al., "Exploring Deep Models for Practical Gait Recognition", 2023,
https://arxiv.org/abs/2303.03301. The numbers are those of
https://github.com/ShiqiYu/OpenGait, whose form for CASIA-B is the defaults;
for the datasets from outdoors: blocks=(1, 4, 4, 1).
"""

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from gaitgs_jax.models import entry, heads, layers, resnet
from gaitgs_jax.models.output import GaitOutput
from gaitgs_jax.models.resnet import ResNet

# See `models.facts`.
FACTS = {'num_classes': ('neck/identity/kernel', 2)}


def create(
  *, rngs: nnx.Rngs, dtype: str = 'float32', **config: Any
) -> 'DeepGaitV2':
  """Builds DeepGaitV2 from `config.model`; see `DeepGaitV2` for the fields."""
  return DeepGaitV2(rngs=rngs, dtype=jnp.dtype(dtype), **config)


class DeepGaitV2(nnx.Module):
  """Silhouettes in, one embedding per body part out.

  Args:
    kind: what its blocks see: '2d' each frame by itself, so that frames are a
      set; 'p3d' also a pixel's neighbours in time; '3d' both at once.
    blocks: how many each stage has; those of the first are 2d.
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
    ValueError: an unknown kind, or as many blocks as channels are not given.
  """

  # Of an image.
  inputs = 1

  def __init__(
    self,
    *,
    kind: str = 'p3d',
    blocks: Sequence[int] = (1, 1, 1, 1),
    channels: Sequence[int] = resnet.CHANNELS,
    bins: Sequence[int] = (16,),
    features: int = 256,
    behind_neck: bool = False,
    num_classes: int = 74,
    dtype: DTypeLike = jnp.float32,
    rngs: nnx.Rngs,
  ):
    plan = resnet.plan(channels, blocks, kind)
    self.backbone = ResNet(plan, inputs=self.inputs, rngs=rngs, dtype=dtype)
    self.bins, self.behind_neck, self.dtype = tuple(bins), behind_neck, dtype
    parts = sum(bins)
    self.head, self.neck = heads.head_and_neck(
      parts, channels[-1], features, num_classes, rngs=rngs, dtype=dtype
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
    """Embeds silhouettes.

    Args:
      inputs: [n,s,h,w,1] in 0..1; each of the bins divides the height of the
        maps, which is h/4.
      mask: bool [n,s], which frames are valid; None means all. Behind the last
        one the blocks see zeros, as behind the end of a sequence.
      train: whether to use the batch's own statistics.
      key: not used, as nothing is random.

    Returns:
      embedding and features [n,p,d]; logits [n,p,k], which are cosines.
    """
    return self.embed(inputs, mask, train=train)

  def embed(
    self, images: jax.Array, mask: jax.Array, *, train: bool
  ) -> GaitOutput:
    """Embeds images [n,s,h,w,c] of any number of channels."""
    x, mask = layers.front_frames(images.astype(self.dtype), mask, shortest=1)
    x = layers.max_frames(self.backbone(x, mask, train=train), mask)
    return heads.embed_parts(
      heads.pool_strips(x, self.bins),
      self.head,
      self.neck,
      behind_neck=self.behind_neck,
      train=train,
    )


def torch_names(
  *,
  kind: str = 'p3d',
  blocks: Sequence[int] = (1, 1, 1, 1),
  channels: Sequence[int] = resnet.CHANNELS,
  **_: Any,
) -> Iterator[tuple[str, list[str], str]]:
  """Names OpenGait's weights, as `cstl.torch_names` its own."""
  yield from resnet.normed_torch_names(
    'backbone/stem', 'layer0.forward_block.0', 'layer0.forward_block.1'
  )
  plan = resnet.plan(channels, blocks, kind)
  yield from resnet.torch_names('backbone', plan, resnet.torch_stage)
  yield from heads.torch_names()
