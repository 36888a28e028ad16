"""GaitTR: attention among the joints of a frame, convolutions along time.

Zhang et al., "Spatial Transformer Network on Skeleton-based Gait Recognition",
Expert Systems 40:6, 2023, https://arxiv.org/abs/2204.03873. The numbers are
those of OpenGait's and FastPoseGait's version. The released forms:

  17 joints (CASIA-B, Gait3D): the defaults; GREW: features=256;
  OU-MVLP: skeleton='openpose18', features=256.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from gaitgs_jax import skeletons
from gaitgs_jax.errors import BadValue
from gaitgs_jax.fields import Share
from gaitgs_jax.models import (
  entry,
  initializers,
  layers,
  norms,
  products,
  remat,
)
from gaitgs_jax.models import mish as mishes
from gaitgs_jax.models.joints import convolution_names, normed_names
from gaitgs_jax.models.layers import mask_frames
from gaitgs_jax.models.mish import Convolution, MishConvolution, mish
from gaitgs_jax.models.norms import BatchNorm
from gaitgs_jax.models.output import GaitOutput

# See `models.facts`.
FACTS = {'skeleton': ('norm/scale', 0)}
_INPUTS = 10  # Channels of the transform motion_and_bones.
_CHANNELS = (64, 64, 128, 256)
_TAPS, _HEADS = 9, 8


def create(
  *, rngs: nnx.Rngs, dtype: str = 'float32', **config: Any
) -> 'GaitTR':
  """Builds GaitTR from `config.model`; see `GaitTR` for the fields."""
  return GaitTR(rngs=rngs, dtype=jnp.dtype(dtype), **config)


class GaitTR(nnx.Module):
  """Places, motion and bones of joints in, one embedding out.

  The embedding has no fixed length. Padding is exact.

  Args:
    skeleton: a name of `gaitgs_jax.skeletons`.
    channels: widths of the blocks.
    features: channels of the embedding.
    dropout: rate before each convolution along time.
    dtype: of the arithmetic; parameters, norms, the attention's weights and the
      features of joints stay float32.

  Raises:
    ValueError: an unknown skeleton, or a width that 32 does not divide.
  """

  def __init__(
    self,
    *,
    skeleton: str = 'coco17',
    channels: Sequence[int] = _CHANNELS,
    features: int = 128,
    dropout: Share = 0.1,
    dtype: DTypeLike = jnp.float32,
    rngs: nnx.Rngs,
  ):
    joints = len(skeletons.get(skeleton).joints)
    if not channels or any(width % (4 * _HEADS) for width in channels):
      raise BadValue(
        f'channels are multiples of {4 * _HEADS}, not {tuple(channels)}'
      )
    self.norm = BatchNorm(joints, _INPUTS)
    self.blocks = nnx.List(
      [
        Block(joints, c, d, dropout=dropout, rngs=rngs, dtype=dtype)
        for c, d in itertools.pairwise((_INPUTS, *channels))
      ]
    )
    shape = (1, channels[-1], features)
    self.head = nnx.Param(initializers.xavier_uniform(rngs, shape))
    self.head_bias = nnx.Param(jnp.zeros((features,)))
    self.skeleton, self.dtype = skeleton, dtype

  @entry.joint_features('motion_and_bones', _INPUTS)
  def __call__(
    self,
    inputs: jax.Array,
    mask: jax.Array,
    *,
    train: bool = False,
    key: jax.Array | None = None,
  ) -> GaitOutput:
    """Embeds features of joints.

    Args:
      inputs: [n,s,v,10], of the transform motion_and_bones.
      mask: bool [n,s], which frames are valid; None means all.
      train: whether to use the batch's own statistics.
      key: for dropout; None switches it off.

    Returns:
      embedding and features [n,1,d].
    """
    x, mask = layers.front_frames(inputs, mask, shortest=1)
    x = mask_frames(self.norm(x, mask, train=train), mask).astype(self.dtype)
    for i, block in enumerate(self.blocks):
      drop = None if key is None else jax.random.fold_in(key, i)
      x = block(x, mask, drop, train=train)
    x = x.astype(layers.wide(self.dtype)).mean(axis=2).sum(axis=1)
    x = x / mask.sum(axis=1, dtype=x.dtype)[:, None]
    x = products.matmul(x, self.head[0]) + self.head_bias[...][None]
    return GaitOutput(embedding=x[:, None], features=x[:, None])


class Block(nnx.Module):
  """A convolution along time, then attention among the joints of a frame."""

  def __init__(
    self,
    joints: int,
    channels: int,
    features: int,
    *,
    dropout: float,
    rngs: nnx.Rngs,
    dtype: DTypeLike,
  ):
    self.temporal = MishConvolution(
      channels, channels, _TAPS, dropout=dropout, rngs=rngs, dtype=dtype
    )
    self.spatial = Attention(joints, channels, features, rngs=rngs, dtype=dtype)
    widths, same = (channels, features), channels == features
    options: dict[str, Any] = dict(rngs=rngs, dtype=dtype)
    self.shortcut = None if same else mishes.projection(*widths, **options)
    self.skip = None if same else MishConvolution(*widths, **options)

  @remat.block('stem')
  def __call__(
    self, x: jax.Array, mask: jax.Array, key: jax.Array | None, *, train: bool
  ) -> jax.Array:
    """Maps [n,s,v,c] to [n,s,v,d], both zero outside the mask."""
    y = self.temporal(x, mask, key, train=train) + x
    z = self.spatial(y, mask, train=train)
    if self.shortcut is None or self.skip is None:
      return z + y + x
    y = self.shortcut(y, mask, train=train)
    return z + y + self.skip(x, mask, None, train=train)


class Attention(nnx.Module):
  """Joints of a frame attend to one another; the graph has no part in it."""

  def __init__(
    self,
    joints: int,
    channels: int,
    features: int,
    *,
    rngs: nnx.Rngs,
    dtype: DTypeLike,
  ):
    self.before = BatchNorm(joints, channels)
    # Queries and keys of a quarter of the width, and values.
    self.attend = Convolution(
      channels, features // 2 + features, rngs=rngs, dtype=dtype
    )
    self.mix = Convolution(features, features, rngs=rngs, dtype=dtype)
    self.norm = BatchNorm(features)
    self.features = features

  def __call__(
    self, x: jax.Array, mask: jax.Array, *, train: bool
  ) -> jax.Array:
    """Maps [n,s,v,c] to [n,s,v,d], zero outside the mask."""
    n, s, v, _ = x.shape
    x = self.attend(self.before(x, mask, train=train).astype(x.dtype))
    x = x.reshape(n, s, v, -1)
    quarter = self.features // 4
    query, keys, values = (
      each.reshape(n, s, v, _HEADS, -1)
      for each in jnp.split(x, (quarter, 2 * quarter), axis=3)
    )
    scale = jnp.asarray((quarter // _HEADS) ** -0.5, x.dtype)
    scores = products.einsum('nsqhd,nskhd->nshqk', query * scale, keys)
    weights = jax.nn.softmax(scores.astype(layers.wide(x.dtype)))
    weights = weights.astype(x.dtype)
    y = products.einsum('nshqk,nskhd->nsqhd', weights, values)
    y = mish(self.mix(y.reshape(n, s, v, -1)))
    y = self.norm(y, mask, train=train).astype(x.dtype)
    return mask_frames(y, mask)


def torch_names(
  *,
  skeleton: str = 'coco17',
  channels: Sequence[int] = _CHANNELS,
  **_: Any,
) -> Iterator[tuple[str, list[str], str]]:
  """Names the released code's weights; see `gaitgs.torch_names`."""
  joints = len(skeletons.get(skeleton).joints)
  yield from norms.norm_torch_names(
    'norm', 'data_bn', f'joints of {_INPUTS} channels'
  )
  for i, (c, d) in enumerate(itertools.pairwise((_INPUTS, *channels))):
    ours, theirs = f'blocks/{i}', f'backbone.{i}'
    yield from mishes.torch_names(f'{ours}/temporal', f'{theirs}.tcn')
    yield from norms.norm_torch_names(
      f'{ours}/spatial/before',
      f'{theirs}.st.data_bn',
      f'channels of {joints} joints',
    )
    for mine, name in (('attend', 'qkv_conv'), ('mix', 'attn_out')):
      yield from convolution_names(
        f'{ours}/spatial/{mine}', f'{theirs}.st.attention_conv.{name}'
      )
    yield from norms.norm_torch_names(f'{ours}/spatial/norm', f'{theirs}.st.bn')
    if c != d:
      yield from normed_names(
        f'{ours}/shortcut', f'{theirs}.residual_s.0', f'{theirs}.residual_s.1'
      )
      yield from mishes.torch_names(f'{ours}/skip', f'{theirs}.down')
  yield 'head', ['fcn.weight'], 'kernel'
  yield 'head_bias', ['fcn.bias'], 'same'
