"""Convolutions of silhouettes in pairs, without shortcuts and norms.

GaitSet, GaitPart, GLN and the plain form of GaitBase are made of them.
"""

from collections.abc import Iterator, Sequence

import jax
from flax import nnx
from jax.typing import DTypeLike

from gaitgs_jax.errors import BadValue
from gaitgs_jax.models import layers, products, remat
from gaitgs_jax.models.initializers import kernel


class Pair(nnx.Module):
  """Two convolutions of each frame, each followed by a leaky ReLU.

  Args:
    channels: of the inputs.
    features: of both results.
    taps: size of the first kernel; that of the second is 3.
    strips: equal horizontal strips that the maps are cut into, each convolved
      as if it were an image of its own: GaitPart's focal convolution.
    rngs: draws the kernels.
    dtype: of the arithmetic.
  """

  def __init__(
    self,
    channels: int,
    features: int,
    *,
    taps: int = 3,
    strips: int = 1,
    rngs: nnx.Rngs,
    dtype: DTypeLike,
  ):
    self.first = kernel(rngs, taps, taps, channels, features)
    self.second = kernel(rngs, 3, 3, features, features)
    self.strips, self.dtype = strips, dtype

  @remat.block('stem')
  def __call__(self, x: jax.Array) -> jax.Array:
    """Maps [n,s,h,w,c] to [n,s,h,w,d].

    Raises:
      ValueError: the strips do not divide the height.
    """
    shape = x.shape
    n, s, h, w, c = shape
    if h % self.strips:
      raise BadValue(
        f'{self.strips} strips do not divide maps of height {h}: change the '
        'strips or the height of the silhouettes'
      )
    x = x.reshape(n * s * self.strips, h // self.strips, w, c)
    for each in (self.first, self.second):
      y = products.convolve(x, each[...].astype(self.dtype))
      x = layers.leaky_relu(y)
    return x.reshape(*shape[:4], x.shape[-1])


class Plain(nnx.Module):
  """Pairs of convolutions, with max-pooling in between.

  Args:
    channels: the width of each pair; the first convolution has 5 x 5 taps.
    strips: of each pair; None means whole maps.
    pools: how many of the first pairs are followed by a pooling that halves
      the maps; None means all but the last.
    rngs: draws the kernels.
    dtype: of the arithmetic.
  """

  def __init__(
    self,
    channels: Sequence[int],
    *,
    strips: Sequence[int] | None = None,
    pools: int | None = None,
    rngs: nnx.Rngs,
    dtype: DTypeLike,
  ):
    strips = strips or (1,) * len(channels)
    widths = zip((1, *channels), channels, strips, strict=False)
    self.pairs = nnx.List(
      [
        Pair(c, d, taps=3 if i else 5, strips=cut, rngs=rngs, dtype=dtype)
        for i, (c, d, cut) in enumerate(widths)
      ]
    )
    self.pools = len(channels) - 1 if pools is None else pools

  def __call__(
    self, x: jax.Array, mask: jax.Array, *, train: bool
  ) -> jax.Array:
    """Maps each frame by itself, [n,s,h,w,1] to [n,s,h/2^pools,w/2^pools,d].

    The other arguments are those of all backbones, and not read.
    """
    del mask, train
    for i, pair in enumerate(self.pairs):
      x = pair(x)
      if i < self.pools:
        x = layers.max_pool(x)
    return x


def torch_plain_names(
  ours: str, theirs: str, pairs: int, pools: int | None = None
) -> Iterator[tuple[str, list[str], str]]:
  """Names OpenGait's weights of `Plain`; see `cstl.torch_names`."""
  index = 0
  for i in range(pairs):
    for each in ('first', 'second'):
      name = f'{theirs}.{index}.conv.weight'
      yield f'{ours}/pairs/{i}/{each}', [name], 'kernel'
      index += 2  # Activations and poolings are numbered too.
    index += i < (pairs - 1 if pools is None else pools)


def torch_pair_names(
  ours: str, theirs: str
) -> Iterator[tuple[str, list[str], str]]:
  """Names OpenGait's weights of one `Pair`; see `cstl.torch_names`."""
  for i, each in enumerate(('first', 'second')):
    yield f'{ours}/{each}', [f'{theirs}.{2 * i}.conv.weight'], 'kernel'
