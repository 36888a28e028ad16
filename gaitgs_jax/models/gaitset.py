"""GaitSet: a walk as a set of silhouettes.

Chao et al., "GaitSet: Regarding Gait as a Set for Cross-View Gait Recognition",
AAAI 2019, https://arxiv.org/abs/1811.06186. The numbers are those of
https://github.com/ShiqiYu/OpenGait. The published form for CASIA-B is the
defaults; for OU-MVLP and GREW: channels=(64, 128, 256).
"""

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from gaitgs_jax.errors import BadValue
from gaitgs_jax.models import entry, heads, layers
from gaitgs_jax.models.output import GaitOutput
from gaitgs_jax.models.plain import Pair, torch_pair_names

_BINS = (16, 8, 4, 2, 1)


def create(
  *, rngs: nnx.Rngs, dtype: str = 'float32', **config: Any
) -> 'GaitSet':
  """Builds GaitSet from `config.model`; see `GaitSet` for the fields."""
  return GaitSet(rngs=rngs, dtype=jnp.dtype(dtype), **config)


class GaitSet(nnx.Module):
  """Silhouettes in, one embedding per body part out.

  Frames are a set: neither their order nor repeating them all changes anything.

  Args:
    channels: widths of the three pairs of convolutions.
    bins: horizontal strips of each scale; all are embedded twice, from the
      frames and from the set.
    features: channels of the embedding.
    dtype: of the arithmetic; parameters stay float32, and strips' means are
      never computed in less.

  Raises:
    ValueError: channels are not three.
  """

  def __init__(
    self,
    *,
    channels: Sequence[int] = (32, 64, 128),
    bins: Sequence[int] = _BINS,
    features: int = 256,
    dtype: DTypeLike = jnp.float32,
    rngs: nnx.Rngs,
  ):
    if len(channels) != 3:
      raise BadValue(f'channels are three widths, not {tuple(channels)}')
    first, second, third = channels
    self.frames = nnx.List(
      [
        Pair(1, first, taps=5, rngs=rngs, dtype=dtype),
        Pair(first, second, rngs=rngs, dtype=dtype),
        Pair(second, third, rngs=rngs, dtype=dtype),
      ]
    )
    self.sets = nnx.List(
      [
        Pair(first, second, rngs=rngs, dtype=dtype),
        Pair(second, third, rngs=rngs, dtype=dtype),
      ]
    )
    self.bins, self.dtype = tuple(bins), dtype
    self.head = layers.SeparateDense(
      2 * sum(bins), third, features, rngs=rngs, dtype=dtype
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
    """Embeds silhouettes; the parts of the frames come first, then the set's.

    Args:
      inputs: [n,s,h,w,1] in 0..1; each of the bins divides the height of the
        maps, which is h/4.
      mask: bool [n,s], which frames are valid; None means all.
      train: not used, as nothing is normalised.
      key: not used, as nothing is random.

    Returns:
      embedding and features [n,p,d].
    """
    x, mask = layers.front_frames(inputs.astype(self.dtype), mask, shortest=1)

    def of_set(x: jax.Array) -> jax.Array:
      """Pools a set of frames [n,s,h,w,c] to one: [n,1,h,w,c]."""
      return layers.max_frames(x, mask)[:, None]

    # The set's branch is fed from three depths: the multilayer global pipeline.
    x = layers.max_pool(self.frames[0](x))
    y = layers.max_pool(self.sets[0](of_set(x)))
    x = layers.max_pool(self.frames[1](x))
    y = self.sets[1](y + of_set(x))
    x = of_set(self.frames[2](x))
    parts = [heads.pool_strips(each[:, 0], self.bins) for each in (x, x + y)]
    x = self.head(jnp.concatenate(parts, axis=1))
    x = x.astype(layers.wide(self.dtype))
    return GaitOutput(embedding=x, features=x)


def torch_names(**_: Any) -> Iterator[tuple[str, list[str], str]]:
  """Names OpenGait's weights; see `cstl.torch_names`."""
  for i in range(3):
    name = f'set_block{i + 1}.forward_block'
    yield from torch_pair_names(f'frames/{i}', name)
  for i in range(2):
    yield from torch_pair_names(f'sets/{i}', f'gl_block{i + 2}')
  yield 'head/kernel', ['Head.fc_bin'], 'same'
