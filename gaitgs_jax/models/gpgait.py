"""GPGait: body parts of skeletons that are turned and scaled alike.

Fu et al., "GPGait: Generalized Pose-based Gait Recognition", ICCV 2023,
https://arxiv.org/abs/2303.05234. The numbers are those of
https://github.com/BNU-IVC/FastPoseGait. The released forms:

  CASIA-B, CCPG, SUSTech1K: the defaults;
  Gait3D: channels=(64, 64, 128, 128, 256);
  OU-MVLP: channels=(64, 128, 128, 128, 128, 256, 256), shared=4;
  GREW: the same channels, shared=3.
"""

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from gaitgs_jax.models import mish, pagcn, part_branches, remat
from gaitgs_jax.models.body import Parts
from gaitgs_jax.models.joints import normed_names
from gaitgs_jax.models.pagcn import OverParts
from gaitgs_jax.skeletons import Skeleton

# See `models.facts`.
FACTS = {
  'num_classes': ('neck/identity/kernel', 2),
  'skeleton': ('pose/norm/scale', 0),
}
_CHANNELS, _SHARED = (64, 64, 128, 256), 3


def create(
  *, rngs: nnx.Rngs, dtype: str = 'float32', **config: Any
) -> 'GPGait':
  """Builds GPGait from `config.model`; see `GPGait` for the fields."""
  return GPGait(rngs=rngs, dtype=jnp.dtype(dtype), **config)


class GPGait(part_branches.Network):
  """Places, bones and angles of joints in, an embedding per body part out.

  Frames are a set: their order changes nothing, and padding is exact. The
  embedding is that behind the neck, of length 1.

  Args:
    skeleton: 'coco17', whose parts are known.
    channels: widths of the blocks.
    shared: how many of them come before the branches part.
    features: channels of the embedding.
    num_classes: training subjects.
    dtype: of the arithmetic; parameters, norms, the attention's weights and the
      inputs stay float32.

  Raises:
    ValueError: another skeleton, or sizes that do not fit.
  """

  def __init__(
    self,
    *,
    skeleton: str = 'coco17',
    channels: Sequence[int] = _CHANNELS,
    shared: int = _SHARED,
    features: int = 256,
    num_classes: int = 74,
    dtype: DTypeLike = jnp.float32,
    rngs: nnx.Rngs,
  ):
    super().__init__(
      skeleton=skeleton,
      channels=channels,
      shared=shared,
      features=features,
      num_classes=num_classes,
      make=functools.partial(Block, rngs=rngs, dtype=dtype),
      rngs=rngs,
      dtype=dtype,
    )


class Block(nnx.Module):
  """A convolution over the joints of parts, and a shortcut."""

  def __init__(
    self,
    skeleton: Skeleton,
    parts: Parts | None,
    channels: int,
    features: int,
    *,
    rngs: nnx.Rngs,
    dtype: DTypeLike,
  ):
    options: dict[str, Any] = dict(rngs=rngs, dtype=dtype)
    self.spatial = OverParts(
      skeleton, parts, channels, features, by_frame=False, **options
    )
    self.shortcut = (
      None
      if channels == features
      else mish.projection(channels, features, **options)
    )

  @remat.block('stem')
  def __call__(
    self, x: jax.Array, mask: jax.Array, key: jax.Array | None, *, train: bool
  ) -> jax.Array:
    """Maps [n,s,v,c] to [n,s,v,d], both zero outside the mask."""
    del key
    y = self.spatial(x, mask, train=train)
    if self.shortcut is not None:
      x = self.shortcut(x, mask, train=train)
    return y + x


def torch_names(
  *,
  channels: Sequence[int] = _CHANNELS,
  shared: int = _SHARED,
  **_: Any,
) -> Iterator[tuple[str, list[str], str]]:
  """Names FastPoseGait's weights; see `gaitgs.torch_names`."""
  yield from part_branches.torch_names(channels, shared, _block_names)


def _block_names(
  ours: str, theirs: str, channels: int, features: int
) -> Iterator[tuple[str, list[str], str]]:
  yield from pagcn.torch_names(f'{ours}/spatial', f'{theirs}.asg')
  if channels != features:
    yield from normed_names(
      f'{ours}/shortcut', f'{theirs}.residual_s.0', f'{theirs}.residual_s.1'
    )
