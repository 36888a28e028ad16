"""ResGCN: a residual graph convolutional network over joints and frames.

Song et al., https://arxiv.org/abs/2010.09978, in the form that GaitGraph and
GaitGraph2 use; the sizes in the papers' shorthand, 'resgcn-<size>':

  n21: blocks=(1, 1, 1)    n39: blocks=(2, 2, 2)    n51: blocks=(2, 3, 3)
  r4: reduction=4    r8: reduction=8
"""

import itertools
from collections.abc import Iterator, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import DTypeLike

from gaitgs_jax import skeletons
from gaitgs_jax.errors import BadValue
from gaitgs_jax.models import (
  entry,
  graph,
  initializers,
  joints,
  layers,
  norms,
  products,
)
from gaitgs_jax.models.joints import Block, PlainBlock
from gaitgs_jax.models.layers import mask_frames
from gaitgs_jax.models.norms import BatchNorm


class ResGCN(nnx.Module):
  """Features of joints in, one vector per sequence out.

  Args:
    skeleton: a name of `gaitgs_jax.skeletons`.
    branches: how many inputs are convolved apart before they are joined.
    inputs: channels of each branch's input.
    blocks: residual blocks in each branch, and of the two widths after them.
    reduction: a block computes with so many times fewer channels.
    channels: widths at the start and the end of a branch, and after it.
    features: channels of the result.
    dtype: of the arithmetic; parameters, norms and the result are float32.
  """

  def __init__(
    self,
    skeleton: str,
    *,
    branches: int,
    inputs: int,
    blocks: Sequence[int],
    reduction: int,
    channels: Sequence[int],
    features: int,
    dtype: DTypeLike,
    rngs: nnx.Rngs,
  ):
    if len(blocks) != 3 or min(blocks) < 1 or len(channels) != 4:
      raise BadValue(
        'blocks are 3 numbers from 1 and channels 4 widths, not '
        f'{tuple(blocks)} and {tuple(channels)}'
      )
    if min(channels) < reduction:
      raise BadValue(
        f'the channels are {tuple(channels)}: each must be reduction='
        f'{reduction} or more'
      )
    first, last, middle, width = channels
    self.dtype = dtype

    def stage(
      count: int, start: int, inner: int, end: int, stride: int
    ) -> nnx.List:
      widths = [start, *[inner] * (count - 1), end]
      return nnx.List(
        [
          Block(
            skeleton,
            c,
            d,
            reduction,
            stride if i == 0 else 1,
            rngs=rngs,
            dtype=dtype,
          )
          for i, (c, d) in enumerate(itertools.pairwise(widths))
        ]
      )

    def branch() -> Branch:
      plain = PlainBlock(skeleton, inputs, first, rngs=rngs, dtype=dtype)
      return Branch(inputs, plain, stage(blocks[0], first, first, last, 1))

    self.branches = nnx.List([branch() for _ in range(branches)])
    self.main = nnx.List(
      [
        *stage(blocks[1], branches * last, middle, middle, 2),
        *stage(blocks[2], middle, width, width, 2),
      ]
    )
    self.head = nnx.Param(0.001 * initializers.normal(rngs, (width, features)))
    self.head_bias = nnx.Param(jnp.zeros((features,)))

  def __call__(
    self, x: jax.Array, mask: jax.Array, *, train: bool
  ) -> jax.Array:
    """Maps [n,s,v,b,c] (b branches) to [n,d].

    Args:
      x: features of joints, float32.
      mask: bool [n,s], valid frames first.
      train: whether to use the batch's own statistics.
    """
    x, mask = self.maps(x, mask, train=train)
    x = x.astype(layers.wide(self.dtype)).mean(axis=2)
    count = mask.sum(axis=1, dtype=x.dtype)[:, None]
    pooled = x.sum(axis=1) / count
    head = products.matmul(pooled, self.head[...])
    return head + self.head_bias[...][None]

  def maps(
    self, x: jax.Array, mask: jax.Array, *, train: bool
  ) -> tuple[jax.Array, jax.Array]:
    """Maps [n,s,v,b,c] to the last features [n,ceil(s/4),v,d] and a mask."""
    joined = [
      branch(x[..., number, :], mask, train=train, dtype=self.dtype)
      for number, branch in enumerate(self.branches)
    ]
    y = jnp.concatenate(joined, axis=-1)
    for block in self.main:
      y = block(y, mask, train=train)
      mask = mask[:, :: block.stride]
    return y, mask

  def activations(self, x: jax.Array, mask: jax.Array) -> jax.Array:
    """Tells how much each joint in each frame contributes to the result.

    As GaitGraph2 draws it: the head's outputs at each place by itself, of
    which the largest positive one counts, relative to the sequence's largest.

    Args:
      x: features of joints [n,s,v,b,c].
      mask: bool [n,s], valid frames first.

    Returns:
      float32 [n,s,v] in 0..1; four frames share their value.
    """
    y, narrow = self.maps(x, mask, train=False)
    y = y.astype(layers.wide(self.dtype))
    y = products.einsum('nsvc,cd->nsvd', y, self.head[...])
    y = mask_frames(jax.nn.relu(y).max(axis=-1), narrow)
    largest = y.max(axis=(1, 2), keepdims=True)
    y = y / jnp.where(largest > 0, largest, jnp.ones_like(largest))
    return jnp.repeat(y, 4, axis=1)[:, : x.shape[1]].astype(jnp.float32)


class Branch(nnx.Module):
  """What is computed of one input before the inputs are joined."""

  def __init__(self, inputs: int, plain: PlainBlock, blocks: nnx.List):
    self.norm = BatchNorm(inputs)
    self.plain = plain
    self.blocks = blocks

  def __call__(
    self, x: jax.Array, mask: jax.Array, *, train: bool, dtype: DTypeLike
  ) -> jax.Array:
    """Maps [n,s,v,c] to [n,s,v,d], zero outside the mask."""
    # Coordinates are up to thousands of pixels: too many for bfloat16.
    x = mask_frames(self.norm(x, mask, train=train), mask).astype(dtype)
    x = self.plain(x, mask, train=train)
    for block in self.blocks:
      x = block(x, mask, train=train)
    return x


class OverWalks(nnx.Module):
  """A model of keypoints that is a ResGCN of something computed from them."""

  network: ResGCN

  def branches(self, x: jax.Array, mask: jax.Array) -> jax.Array:
    """Computes the network's input [n,s,v,b,c].

    Args:
      x: keypoints [n,s,v,3], valid frames first.
      mask: bool [n,s].
    """
    raise NotImplementedError

  @entry.keypoints
  def activations(self, inputs: jax.Array, mask: jax.Array) -> jax.Array:
    """Tells how much each joint in each frame contributes: [n,s,v] in 0..1.

    Args:
      inputs: keypoints [n,s,v,3].
      mask: bool [n,s]; None means all.

    Returns:
      float32 [n,s,v], each sequence's largest value 1; see `ResGCN`.
    """
    x, front = layers.front_frames(inputs, mask, shortest=1)
    found = self.network.activations(self.branches(x, front), front)
    return layers.to_their_frames(found, mask)


# Our parts of a network, and theirs in each convention.
_PARTS = {
  'original': ('input_branches', 'main_stream', 'fcn'),
  'opengait': ('ResGCN.head', 'ResGCN.backbone', 'ResGCN.fcn'),
}


def check_convention(convention: str) -> None:
  """Raises ValueError for an unknown convention."""
  if convention not in _PARTS:
    raise BadValue(
      f'no convention {convention!r}; choose one of {", ".join(_PARTS)}'
    )


def torch_names(
  *,
  branches: int,
  blocks: Sequence[int],
  channels: Sequence[int],
  convention: str,
) -> Iterator[tuple[str, list[str], str]]:
  """Names the weights of the released networks.

  Args:
    branches: as of `ResGCN`.
    blocks: as of `ResGCN`.
    channels: as of `ResGCN`.
    convention: 'original' or 'opengait'.

  Yields:
    Our path, their name and the layout; see `gaitgs.torch_names`.
  """
  heads, main, last = _PARTS[convention]
  first, end, middle, width = channels
  for b in range(branches):
    ours, theirs = f'branches/{b}', f'{heads}.{b}'
    yield from norms.norm_torch_names(f'{ours}/norm', f'{theirs}.bn')
    yield from joints.plain_block_names(f'{ours}/plain', f'{theirs}.layers.0')
    for i in range(blocks[0]):
      yield from joints.block_names(
        f'{ours}/blocks/{i}',
        f'{theirs}.layers.{i + 1}',
        projects=i == blocks[0] - 1 and first != end,
        strides=False,
      )
  widths = [branches * end, *[middle] * blocks[1], *[width] * blocks[2]]
  for i, (c, d) in enumerate(itertools.pairwise(widths)):
    yield from joints.block_names(
      f'main/{i}',
      f'{main}.{i}',
      projects=c != d,
      strides=i in (0, blocks[1]),
    )
  yield 'head', [f'{last}.weight'], 'kernel'
  yield 'head_bias', [f'{last}.bias'], 'same'


def torch_constants(
  *, skeleton: str, branches: int, convention: str
) -> Iterator[tuple[str, np.ndarray]]:
  """Yields the adjacency that the released state dicts hold, by name."""
  adjacency = graph.hop_matrices(skeletons.get(skeleton))
  if convention == 'original':
    yield 'A', adjacency
  for b in range(branches):
    yield f'{_PARTS[convention][0]}.{b}.A', adjacency
