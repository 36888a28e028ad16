"""GaitGraph: gait recognition from skeletons by a graph convolutional network.

Teepe et al., https://arxiv.org/abs/2101.11228; the numbers are those of
OpenGait's version. docs/porting.md tells what it does differently from the
authors' code, https://github.com/tteepe/GaitGraph. The CASIA-B form is the
defaults.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import DTypeLike

from gaitgs_jax.models import entry, layers, resgcn
from gaitgs_jax.models.output import GaitOutput
from gaitgs_jax.models.resgcn import OverWalks, ResGCN

# See `models.facts`.
FACTS = {'skeleton': ('network/branches/0/plain/spatial/convolution/edge', 1)}
_BLOCKS = (2, 2, 2)
_CHANNELS = (64, 32, 128, 256)


def create(
  *, rngs: nnx.Rngs, dtype: str = 'float32', **config: Any
) -> 'GaitGraph':
  """Builds GaitGraph from `config.model`; see `GaitGraph` for the fields."""
  return GaitGraph(rngs=rngs, dtype=jnp.dtype(dtype), **config)


class GaitGraph(OverWalks):
  """Skeletons in, one embedding of length 1 out.

  Args:
    skeleton: a name of `gaitgs_jax.skeletons`.
    blocks: residual blocks in each branch, and of the two widths after them.
    reduction: a block computes with so many times fewer channels.
    channels: widths at the start and the end of a branch, and after it.
    features: channels of the embedding.
    convention: 'original' or 'opengait', whose weight names.
    test_time: whether the embedding in evaluation is the mean of those of the
      walk and the walk backwards; it is not scaled to length 1 again.
    dtype: of the arithmetic; parameters, norms and keypoints stay float32.

  Raises:
    ValueError: an unknown skeleton or convention, or sizes that do not fit.
  """

  def __init__(
    self,
    *,
    skeleton: str = 'coco17',
    blocks: Sequence[int] = _BLOCKS,
    reduction: int = 8,
    channels: Sequence[int] = _CHANNELS,
    features: int = 128,
    convention: str = 'original',
    test_time: bool = True,
    dtype: DTypeLike = jnp.float32,
    rngs: nnx.Rngs,
  ):
    resgcn.check_convention(convention)
    self.network = ResGCN(
      skeleton,
      branches=1,
      inputs=3,
      blocks=blocks,
      reduction=reduction,
      channels=channels,
      features=features,
      dtype=dtype,
      rngs=rngs,
    )
    self.skeleton = skeleton
    self.test_time = test_time

  @entry.keypoints
  def __call__(
    self,
    inputs: jax.Array,
    mask: jax.Array,
    *,
    train: bool = False,
    key: jax.Array | None = None,
  ) -> GaitOutput:
    """Embeds skeletons.

    Args:
      inputs: keypoints [n,s,v,3], x, y and confidence.
      mask: bool [n,s], which frames are valid; None means all.
      train: whether to use the batch's own statistics.
      key: not needed; nothing is random.

    Returns:
      embedding and features [n,1,d].
    """
    del key
    x, mask = layers.front_frames(inputs, mask, shortest=1)
    if train or not self.test_time:
      found = self._embed(x, mask, train=train)[:, None]
      return GaitOutput(embedding=found, features=found)
    # Beside one another in the batch, which may be split over devices.
    both = jnp.stack([x, layers.reverse_frames(x, mask)], axis=1)
    found = self._embed(
      both.reshape(-1, *x.shape[1:]), jnp.repeat(mask, 2, axis=0), train=False
    )
    found = found.reshape(len(x), 2, -1)
    return GaitOutput(
      embedding=found.mean(axis=1, keepdims=True), features=found[:, :1]
    )

  def branches(self, x: jax.Array, mask: jax.Array) -> jax.Array:
    """Returns keypoints [n,s,v,3] as the one branch, [n,s,v,1,3]."""
    return x[:, :, :, None]

  def _embed(self, x: jax.Array, mask: jax.Array, *, train: bool) -> jax.Array:
    """Maps keypoints [n,s,v,3], valid frames first, to [n,d] of length 1."""
    found = self.network(self.branches(x, mask), mask, train=train)
    squared = jnp.square(found).sum(axis=-1, keepdims=True)
    return found * jax.lax.rsqrt(squared + 1e-24)


def torch_names(
  *,
  blocks: Sequence[int] = _BLOCKS,
  channels: Sequence[int] = _CHANNELS,
  convention: str = 'original',
  **_: Any,
) -> Iterator[tuple[str, list[str], str]]:
  """Names the released code's weights; see `gaitgs.torch_names`.

  The arguments are those of `GaitGraph`.
  """
  for ours, theirs, layout in resgcn.torch_names(
    branches=1, blocks=blocks, channels=channels, convention=convention
  ):
    yield f'network/{ours}', theirs, layout


def torch_constants(
  *, skeleton: str = 'coco17', convention: str = 'original', **_: Any
) -> Iterator[tuple[str, np.ndarray]]:
  """Yields what the released state dicts hold beside weights."""
  yield from resgcn.torch_constants(
    skeleton=skeleton, branches=1, convention=convention
  )
