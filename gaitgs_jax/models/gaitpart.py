"""GaitPart: every body part moves in a way of its own.

Fan et al., "GaitPart: Temporal Part-based Model for Gait Recognition", CVPR
2020. The numbers are those of https://github.com/ShiqiYu/OpenGait. The
published form for CASIA-B is the defaults; for OU-MVLP, GREW and CASIA-E:
channels=(32, 64, 128, 256), strips=(1, 1, 8, 8), features=256.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from gaitgs_jax.errors import BadValue
from gaitgs_jax.models import entry, layers
from gaitgs_jax.models.output import GaitOutput
from gaitgs_jax.models.plain import Plain, torch_plain_names
from gaitgs_jax.models.temporal import (
  SQUEEZE,
  MicroMotion,
  micro_motion_torch_names,
)

# See `models.unseen`.
UNSEEN = {
  'strips': '(1, 4, 8) (CASIA-B, Gait3D) or (1, 1, 8, 8) (OU-MVLP, GREW, '
  'CASIA-E)'
}
_CHANNELS, _PARTS = (32, 64, 128), 16
# Poolings of the extractor, each of which halves the maps.
_POOLS = 2


def create(
  *, rngs: nnx.Rngs, dtype: str = 'float32', **config: Any
) -> 'GaitPart':
  """Builds GaitPart from `config.model`; see `GaitPart` for the fields."""
  return GaitPart(rngs=rngs, dtype=jnp.dtype(dtype), **config)


class GaitPart(nnx.Module):
  """Silhouettes in, one embedding per body part out.

  Args:
    channels: widths of the pairs of convolutions.
    strips: for each pair, the horizontal strips that its maps are cut into,
      each convolved by itself.
    parts: horizontal strips that are embedded.
    features: channels of the embedding.
    dtype: of the arithmetic; parameters stay float32, and strips' means are
      never computed in less.

  Raises:
    ValueError: channels and strips are not one for each of three or more
      pairs, or the last width is less than 4.
  """

  def __init__(
    self,
    *,
    channels: Sequence[int] = _CHANNELS,
    strips: Sequence[int] = (1, 4, 8),
    parts: int = _PARTS,
    features: int = 128,
    dtype: DTypeLike = jnp.float32,
    rngs: nnx.Rngs,
  ):
    if not _POOLS < len(channels) == len(strips):
      raise BadValue(
        f'channels are {tuple(channels)} and strips {tuple(strips)}; they must '
        f'be one for each pair of convolutions, {_POOLS + 1} or more'
      )
    width = channels[-1]
    if width < SQUEEZE:
      raise BadValue(f'the last of the channels is {width}, below {SQUEEZE}')
    self.backbone = Plain(
      channels, strips=strips, pools=_POOLS, rngs=rngs, dtype=dtype
    )
    self.motion = MicroMotion(parts, width, rngs=rngs, dtype=dtype)
    self.head = layers.SeparateDense(
      parts, width, features, rngs=rngs, dtype=dtype
    )
    self.parts, self.dtype = parts, dtype

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

    Beyond the first and the last frame of a sequence the templates see zeros,
    in a padded batch too.

    Args:
      inputs: [n,s,h,w,1] in 0..1; the parts divide the height of the maps,
        which is h/4, and the strips that of theirs, h, h/2 and h/4.
      mask: bool [n,s], which frames are valid; None means all.
      train: not used, as nothing is normalised.
      key: not used, as nothing is random.

    Returns:
      embedding and features [n,p,d].
    """
    x, mask = layers.front_frames(inputs.astype(self.dtype), mask, shortest=1)
    x = self.backbone(x, mask, train=train)
    x = self.motion(layers.strips_to_parts(x, self.parts), mask)
    x = self.head(layers.max_frames(x, mask))
    x = x.astype(layers.wide(self.dtype))
    return GaitOutput(embedding=x, features=x)


def torch_names(
  *,
  channels: Sequence[int] = _CHANNELS,
  parts: int = _PARTS,
  **_: Any,
) -> Iterator[tuple[str, list[str], str]]:
  """Names OpenGait's weights; see `cstl.torch_names`."""
  feature = 'Backbone.forward_block.feature'
  yield from torch_plain_names('backbone', feature, len(channels), _POOLS)
  yield from micro_motion_torch_names('motion', 'TFA.pooling_func', parts)
  yield 'head/kernel', ['Head.fc_bin'], 'same'
