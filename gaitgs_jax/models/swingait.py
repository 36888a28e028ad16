"""SwinGait: DeepGaitV2's first stages, and a transformer of windows.

Fan et al., "Exploring Deep Models for Practical Gait Recognition", 2023,
https://arxiv.org/abs/2303.03301. The numbers are those of
https://github.com/ShiqiYu/OpenGait, whose form for CCPG is the defaults; for
the datasets from outdoors: blocks=(1, 4), depths=(4, 2).

It starts from a DeepGaitV2 with the same blocks: config.init takes what it has
in common, its first stages and its heads, from OpenGait's file or from a run
here. docs/porting.md has the rates of its groups of weights.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import DTypeLike

from gaitgs_jax.errors import BadValue
from gaitgs_jax.models import (
  entry,
  heads,
  layers,
  products,
  resnet,
  swin,
  windows,
)
from gaitgs_jax.models.heads import head_and_neck
from gaitgs_jax.models.initializers import kernel
from gaitgs_jax.models.norms import LayerNorm
from gaitgs_jax.models.output import GaitOutput
from gaitgs_jax.models.resnet import ResNet

# See `models.facts`.
FACTS = {'num_classes': ('neck/identity/kernel', 2)}

_CHANNELS, _BLOCKS, _DEPTHS, _WINDOW = (64, 128), (1, 1), (2, 2), (3, 3, 5)


def create(
  *, rngs: nnx.Rngs, dtype: str = 'float32', **config: Any
) -> 'SwinGait':
  """Builds SwinGait from `config.model`; see `SwinGait` for the fields."""
  return SwinGait(rngs=rngs, dtype=jnp.dtype(dtype), **config)


class SwinGait(nnx.Module):
  """Silhouettes in, one embedding per row of tokens out.

  Args:
    blocks: how many residual ones each of the first stages has.
    channels: widths of these stages.
    depths: how many blocks each stage of the transformer has.
    width: of the tokens in its first stage; each next one doubles it.
    heads: of the attention in each of its stages.
    window: frames, rows and columns of tokens that see one another.
    grid: rows and columns of tokens that a frame is resized to.
    drop_path: the share of sequences that the last block's branches leave out
      in training; it rises from 0 along the blocks.
    features: channels of the embedding.
    num_classes: training subjects.
    dtype: of the arithmetic; parameters stay float32, and norms, scores and
      strips' means are never computed in less.

  Raises:
    ValueError: a window that does not divide the grid, or lengths that differ
      of blocks and channels, or of depths and heads.
  """

  def __init__(
    self,
    *,
    blocks: Sequence[int] = _BLOCKS,
    channels: Sequence[int] = _CHANNELS,
    depths: Sequence[int] = _DEPTHS,
    width: int = 256,
    heads: Sequence[int] = (16, 32),
    window: Sequence[int] = _WINDOW,
    grid: Sequence[int] = (15, 10),
    drop_path: float = 0.1,
    features: int = 256,
    num_classes: int = 74,
    dtype: DTypeLike = jnp.float32,
    rngs: nnx.Rngs,
  ):
    plan = resnet.plan(channels, blocks, 'p3d')
    self.backbone = ResNet(plan, rngs=rngs, dtype=dtype)
    self.transformer = Transformer(
      channels[-1],
      width,
      depths,
      heads,
      window,
      grid,
      drop_path,
      rngs=rngs,
      dtype=dtype,
    )
    # As released, with the last row twice: DeepGaitV2 has 16 parts.
    parts, self.dtype = grid[0] + 1, dtype
    last = width * 2 ** (len(depths) - 1)
    self.head, self.neck = head_and_neck(
      parts, last, features, num_classes, rngs=rngs, dtype=dtype
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
      inputs: [n,s,h,w,1] in 0..1, of any size.
      mask: bool [n,s], which frames are valid; None means all. Each sequence is
        treated as if it were alone: as released, one that windows do not divide
        is filled up with zeros, which are attended to.
      train: whether to use the batch's own statistics.
      key: for what `drop_path` leaves out; None leaves out nothing.

    Returns:
      embedding and features [n,p,d]; logits [n,p,k], which are cosines; of
      p = grid[0] parts.
    """
    x, mask = layers.front_frames(inputs.astype(self.dtype), mask, shortest=1)
    x = self.backbone(x, mask, train=train)
    x = self.transformer(x, mask, key if train else None)
    x = heads.pool_strips(layers.max_frames(x, mask), (x.shape[2],))
    x = jnp.concatenate([x, jax.lax.stop_gradient(x[:, -1:])], axis=1)
    output = heads.embed_parts(x, self.head, self.neck, train=train)
    return jax.tree.map(lambda array: array[:, :-1], output)


class Transformer(nnx.Module):
  """Maps of any size to tokens of a grid, and those through its stages."""

  def __init__(
    self,
    channels: int,
    width: int,
    depths: Sequence[int],
    heads: Sequence[int],
    window: Sequence[int],
    grid: Sequence[int],
    drop_path: float,
    *,
    rngs: nnx.Rngs,
    dtype: DTypeLike,
  ):
    windows.check(grid, window)
    if len(depths) != len(heads):
      raise BadValue(
        f'depths {tuple(depths)} and heads {tuple(heads)} must be of the same '
        'length'
      )
    frames, rows, columns = window
    self.patches = kernel(rngs, 1, 2, 2, channels, width)
    self.patches_bias = nnx.Param(jnp.zeros((width,)))
    self.patches_norm = LayerNorm(width)
    self.depths = tuple(depths)
    rates = np.linspace(0, drop_path, sum(depths)).tolist()
    self.stages = nnx.List(
      [
        swin.Stage(
          width * 2**i,
          count,
          (frames, rows, columns),
          [rates.pop(0) for _ in range(depth)],
          widen=i < len(depths) - 1,
          rngs=rngs,
          dtype=dtype,
        )
        for i, (depth, count) in enumerate(zip(depths, heads, strict=True))
      ]
    )
    self.norm = LayerNorm(width * 2 ** (len(depths) - 1))
    self.grid, self.dtype = grid, dtype

  def __call__(
    self, x: jax.Array, mask: jax.Array, key: jax.Array | None
  ) -> jax.Array:
    """Maps [n,s,h,w,c] to tokens [n,s,h',w',d] of the grid."""
    x = self._tokens(_resized(x, 2 * self.grid[0], 2 * self.grid[1]))
    count = sum(self.depths)
    keys = (None,) * count if key is None else [*jax.random.split(key, count)]
    for depth, stage in zip(self.depths, self.stages, strict=True):
      x = stage(x, mask, keys[:depth])
      keys = keys[depth:]
    return swin.normed(self.norm, x).astype(self.dtype)

  def _tokens(self, x: jax.Array) -> jax.Array:
    """Joins 2 x 2 pixels to a token."""
    n, s, h, w, c = x.shape
    x = x.reshape(n, s, h // 2, 2, w // 2, 2, c)
    patches = self.patches[...][0].astype(self.dtype)
    x = products.einsum('nsaibjc,ijcd->nsabd', x, patches)
    x = x + self.patches_bias[...].astype(self.dtype)[(None,) * 4]
    return swin.normed(self.patches_norm, x).astype(self.dtype)


def _resized(x: jax.Array, height: int, width: int) -> jax.Array:
  """Resizes frames [n,s,h,w,c] bilinearly; their corners stay corners."""
  rows = jnp.asarray(_bilinear(x.shape[2], height), x.dtype)
  columns = jnp.asarray(_bilinear(x.shape[3], width), x.dtype)
  x = products.einsum('ah,nshwc->nsawc', rows, x)
  return products.einsum('bw,nsawc->nsabc', columns, x)


def _bilinear(size: int, result: int) -> np.ndarray:
  """Returns the weights [result,size] of pixels in a line of another length."""
  places = np.linspace(0, size - 1, result)[:, None]
  return np.maximum(1 - abs(places - np.arange(size)), 0)


def torch_names(
  *,
  blocks: Sequence[int] = _BLOCKS,
  channels: Sequence[int] = _CHANNELS,
  depths: Sequence[int] = _DEPTHS,
  **_: Any,
) -> Iterator[tuple[str, list[str], str]]:
  """Names OpenGait's weights, as `cstl.torch_names` its own."""
  yield from resnet.normed_torch_names(
    'backbone/stem', 'layer0.forward_block.0', 'layer0.forward_block.1'
  )
  plan = resnet.plan(channels, blocks, 'p3d')
  yield from resnet.torch_names('backbone', plan, resnet.torch_stage)
  patches = 'transformer.patch_embed'
  yield 'transformer/patches', [f'{patches}.proj.weight'], 'kernel'
  yield 'transformer/patches_bias', [f'{patches}.proj.bias'], 'same'
  yield from swin.norm_names('transformer/patches_norm', f'{patches}.norm')
  for i, depth in enumerate(depths):
    yield from swin.torch_names(
      f'transformer/stages/{i}',
      f'transformer.layers.{i}',
      depth,
      widen=i < len(depths) - 1,
    )
  yield from swin.norm_names('transformer/norm', 'transformer.norm')
  yield from heads.torch_names()


def torch_constants(
  *,
  depths: Sequence[int] = _DEPTHS,
  window: Sequence[int] = _WINDOW,
  **_: Any,
) -> Iterator[tuple[str, np.ndarray]]:
  """Names the indices of places that the original saves."""
  frames, rows, columns = window
  index = windows.place_index((frames, rows, columns))
  for i, depth in enumerate(depths):
    for k in range(depth):
      name = f'transformer.layers.{i}.blocks.{k}.attn.relative_position_index'
      yield name, index
