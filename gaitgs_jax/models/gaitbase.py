"""GaitBase: a residual network over frames, as simple as gait models get.

Fan et al., "OpenGait: Revisiting Gait Recognition Toward Better Practicality",
CVPR 2023, https://arxiv.org/abs/2211.06597. The numbers are those of
https://github.com/ShiqiYu/OpenGait. The published form is the defaults; that of
the competition HID: backbone='plain', bins=(16, 8, 4, 2, 1). On depth maps of a
LiDAR, drawn in three colours, it is LidarGait (Shen et al., CVPR 2023,
https://arxiv.org/abs/2211.10598): inputs=3.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from gaitgs_jax.errors import BadValue
from gaitgs_jax.models import entry, heads, layers, resnet
from gaitgs_jax.models.output import GaitOutput
from gaitgs_jax.models.plain import Plain, torch_plain_names
from gaitgs_jax.models.resnet import ResNet

# See `models.facts`.
FACTS = {'num_classes': ('neck/identity/kernel', 2)}

_BACKBONES = ('resnet9', 'plain')


def create(
  *, rngs: nnx.Rngs, dtype: str = 'float32', **config: Any
) -> 'GaitBase':
  """Builds GaitBase from `config.model`; see `GaitBase` for the fields."""
  return GaitBase(rngs=rngs, dtype=jnp.dtype(dtype), **config)


class GaitBase(nnx.Module):
  """Silhouettes in, one embedding per body part out.

  Frames are a set: neither their order nor repeating them all changes anything.

  Args:
    backbone: 'resnet9', or 'plain': convolutions without shortcuts and norms.
    inputs: channels of the input: 1 of silhouettes, 3 of depth maps in colours.
    channels: widths of the backbone's four stages.
    bins: horizontal strips that are embedded; several numbers cut the maps
      several times.
    features: channels of the embedding.
    num_classes: training subjects.
    dtype: of the arithmetic; parameters stay float32, and norms and strips'
      means are never computed in less.

  Raises:
    ValueError: an unknown backbone, channels that are not four, or several
      inputs to the plain backbone.
  """

  def __init__(
    self,
    *,
    backbone: str = 'resnet9',
    inputs: int = 1,
    channels: Sequence[int] = resnet.CHANNELS,
    bins: Sequence[int] = (16,),
    features: int = 256,
    num_classes: int = 74,
    dtype: DTypeLike = jnp.float32,
    rngs: nnx.Rngs,
  ):
    if backbone not in _BACKBONES:
      raise BadValue(f'no backbone {backbone!r}; choose one of {[*_BACKBONES]}')
    if len(channels) != len(resnet.CHANNELS):
      raise BadValue(f'channels are four widths, not {tuple(channels)}')
    self.backbone: ResNet | Plain
    if backbone != 'plain':
      plan = resnet.plan(channels)
      self.backbone = ResNet(plan, inputs=inputs, rngs=rngs, dtype=dtype)
    elif inputs == 1:
      self.backbone = Plain(channels, rngs=rngs, dtype=dtype)
    else:
      raise BadValue(f"backbone 'plain' takes one channel, not {inputs}")
    self.inputs, self.bins, self.dtype = inputs, tuple(bins), dtype
    parts = sum(bins)
    self.head, self.neck = heads.head_and_neck(
      parts, channels[-1], features, num_classes, rngs=rngs, dtype=dtype
    )

  @entry.images
  def __call__(
    self,
    inputs: jax.Array,
    mask: jax.Array,
    *,
    train: bool = False,
    key: jax.Array | None = None,
  ) -> GaitOutput:
    """Embeds silhouettes, or images of several channels.

    Args:
      inputs: [n,s,h,w,c] in 0..1; each of the bins divides the height of the
        maps, which is h/4 (h/8 with the plain backbone).
      mask: bool [n,s], which frames are valid; None means all.
      train: whether to use the batch's own statistics.
      key: not used, as nothing is random.

    Returns:
      embedding and features [n,p,d]; logits [n,p,k], which are cosines.
    """
    x, mask = layers.front_frames(inputs.astype(self.dtype), mask, shortest=1)
    x = layers.max_frames(self.backbone(x, mask, train=train), mask)
    return heads.embed_parts(
      heads.pool_strips(x, self.bins), self.head, self.neck, train=train
    )


def torch_names(
  *,
  backbone: str = 'resnet9',
  channels: Sequence[int] = resnet.CHANNELS,
  **_: Any,
) -> Iterator[tuple[str, list[str], str]]:
  """Names OpenGait's weights, as `cstl.torch_names` its own."""
  stem = 'Backbone.forward_block'
  if backbone == 'resnet9':
    yield from resnet.normed_torch_names(
      'backbone/stem', f'{stem}.conv1.conv', f'{stem}.bn1'
    )
    yield from resnet.torch_names(
      'backbone',
      resnet.plan(channels),
      lambda block: f'{stem}.layer{block.stage}.{block.index}',
    )
  else:
    yield from torch_plain_names('backbone', f'{stem}.feature', len(channels))
  yield from heads.torch_names()
