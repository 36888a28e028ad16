"""GPGait++: GPGait with an attention of each frame, and time convolutions.

Meng et al., "From FastPoseGait to GPGait++: Bridging the Past and Future for
Pose-based Gait Recognition", IEEE TPAMI 2025,
https://ieeexplore.ieee.org/document/11029177. The numbers are those of
https://github.com/BNU-IVC/FastPoseGait. The released forms:

  CASIA-B: the defaults; CCPG, SUSTech1K: masked=False;
  Gait3D: masked=False, channels=(64, 64, 128, 128, 256);
  OU-MVLP, GREW: masked=False, channels=(64, 128, 128, 128, 128, 256, 256).
"""

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from gaitgs_jax.fields import Share
from gaitgs_jax.models import mish, pagcn, part_branches, remat
from gaitgs_jax.models.body import Parts
from gaitgs_jax.models.joints import normed_names
from gaitgs_jax.models.mish import MishConvolution
from gaitgs_jax.models.pagcn import OverParts
from gaitgs_jax.skeletons import Skeleton

# See `models.facts`.
FACTS = {
  'num_classes': ('neck/identity/kernel', 2),
  'skeleton': ('pose/norm/scale', 0),
}
# See `models.unseen`.
UNSEEN = {'masked': 'True (CASIA-B) or False (all other datasets)'}
_CHANNELS, _SHARED = (64, 64, 128, 256), 3
_TAPS = 9


def create(
  *, rngs: nnx.Rngs, dtype: str = 'float32', **config: Any
) -> 'GPGaitPP':
  """Builds GPGait++ from `config.model`; see `GPGaitPP` for the fields."""
  return GPGaitPP(rngs=rngs, dtype=jnp.dtype(dtype), **config)


class GPGaitPP(part_branches.Network):
  """Places, bones and angles of joints in, an embedding per body part out.

  Padding is exact. The embedding is that behind the neck, of length 1.

  Args:
    skeleton: 'coco17', whose parts are known.
    channels: widths of the blocks.
    shared: how many of them come before the branches part: 3 in the released
      code, whatever a config of it says.
    masked: whether joints exchange features within a body part alone; if not,
      parts are told apart where joints are pooled.
    features: channels of the embedding.
    num_classes: training subjects.
    dropout: rate before each convolution along time.
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
    masked: bool = True,
    features: int = 256,
    num_classes: int = 74,
    dropout: Share = 0.1,
    dtype: DTypeLike = jnp.float32,
    rngs: nnx.Rngs,
  ):
    super().__init__(
      skeleton=skeleton,
      channels=channels,
      shared=shared,
      features=features,
      num_classes=num_classes,
      make=functools.partial(
        Block, masked=masked, dropout=dropout, rngs=rngs, dtype=dtype
      ),
      rngs=rngs,
      dtype=dtype,
    )


class Block(nnx.Module):
  """Convolutions over joints and along time, whose shortcuts stand beside them.

  Results are joined, not added: the width is shared out among them.
  """

  def __init__(
    self,
    skeleton: Skeleton,
    parts: Parts | None,
    channels: int,
    features: int,
    *,
    masked: bool,
    dropout: float,
    rngs: nnx.Rngs,
    dtype: DTypeLike,
  ):
    options: dict[str, Any] = dict(rngs=rngs, dtype=dtype)
    half, third = features // 2, features // 3
    self.spatial = OverParts(
      skeleton,
      parts if masked else None,
      channels,
      half,
      by_frame=True,
      **options,
    )
    self.beside_spatial = mish.projection(channels, features - half, **options)
    self.temporal = MishConvolution(
      features, third + 1, _TAPS, dropout=dropout, **options
    )
    self.beside_temporal = mish.projection(features, third, **options)
    self.skip = MishConvolution(channels, features - 2 * third - 1, **options)

  @remat.block('stem')
  def __call__(
    self, x: jax.Array, mask: jax.Array, key: jax.Array | None, *, train: bool
  ) -> jax.Array:
    """Maps [n,s,v,c] to [n,s,v,d], both zero outside the mask."""
    spatial = (
      self.spatial(x, mask, train=train),
      self.beside_spatial(x, mask, train=train),
    )
    y = jnp.concatenate(spatial, axis=-1)
    temporal = (
      self.temporal(y, mask, key, train=train),
      self.beside_temporal(y, mask, train=train),
      self.skip(x, mask, None, train=train),
    )
    return jnp.concatenate(temporal, axis=-1)


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
  del channels, features
  yield from pagcn.torch_names(f'{ours}/spatial', f'{theirs}.asg')
  for mine, name in (
    ('beside_spatial', 'residual'),
    ('beside_temporal', 'residual_s'),
  ):
    shortcut = f'{theirs}.{name}'
    yield from normed_names(f'{ours}/{mine}', f'{shortcut}.0', f'{shortcut}.1')
  yield from mish.torch_names(f'{ours}/temporal', f'{theirs}.tcn')
  yield from mish.torch_names(f'{ours}/skip', f'{theirs}.down')
