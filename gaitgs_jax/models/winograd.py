"""Convolution along time by Winograd's F(4,3), on CPU.

The frames of a tile and its two neighbours are mixed to six, the three taps
likewise, the six products taken and mixed to the tile's four results: half the
multiplications of the plain sum. A product is whatever is linear in frames and
in taps, here a 2-D convolution. The weights are those of Lavin and Gray,
https://arxiv.org/abs/1509.09308; docs/scaling.md tells of speed and rounding.
"""

import functools
import operator
from collections.abc import Callable, Sequence
from typing import TypeVar

import jax
import jax.numpy as jnp

_TILE = 4
# B^T, G and A^T of the paper's F(4x4,3x3).
_FRAMES = (
  (4, 0, -5, 0, 1, 0),
  (0, -4, -4, 1, 1, 0),
  (0, 4, -4, -1, 1, 0),
  (0, -2, -1, 2, 1, 0),
  (0, 2, -1, -2, 1, 0),
  (0, 4, 0, -5, 0, 1),
)
_TAPS = (
  (1 / 4, 0, 0),
  (-1 / 6, -1 / 6, -1 / 6),
  (-1 / 6, 1 / 6, -1 / 6),
  (1 / 24, 1 / 12, 1 / 6),
  (1 / 24, -1 / 12, 1 / 6),
  (0, 0, 1),
)
_RESULTS = (
  (1, 1, 1, 1, 1, 0),
  (0, 1, -1, 2, -2, 0),
  (0, 1, 1, 4, 4, 0),
  (0, 1, -1, 8, -8, 1),
)

# Takes frames [m,h,w,c] and taps of any shape to [m,h,w,d], linear in both.
Product = Callable[[jax.Array, jax.Array], jax.Array]

Arrays = TypeVar('Arrays')
Results = TypeVar('Results')


def convolve(
  x: jax.Array, *kernels: tuple[jax.Array, Product]
) -> list[jax.Array]:
  """Convolves along time, stride 1, with zeros before and after x.

  Args:
    x: [n,s,h,w,c].
    kernels: each a kernel of three taps [3,...] and its product.

  Returns:
    For each kernel [n,s,h,w,d].
  """
  # True, which the compiler cannot know.
  certain = jnp.logical_not(kernels[0][0].ravel()[0] > jnp.inf)
  frames = _apart(_mix_frames, x, certain)
  unmix = functools.partial(_unmix_frames, s=x.shape[1])
  return [
    _apart(
      unmix, list(map(product, frames, _weighted(_TAPS, list(kernel)))), certain
    )
    for kernel, product in kernels
  ]


def _mix_frames(x: jax.Array) -> list[jax.Array]:
  """Mixes frames [n,s,h,w,c] to six times [n*ceil(s/4),h,w,c]."""
  n, s, *frame = x.shape
  tiles = -(-s // _TILE)
  after = _TILE * (tiles + 1) - s - 1
  x = jnp.pad(x, ((0, 0), (1, after)) + ((0, 0),) * len(frame))
  x = x.reshape(n, tiles + 1, _TILE, *frame)
  own = [x[:, :-1, i] for i in range(_TILE)]
  mixed = _weighted(_FRAMES, [*own, x[:, 1:, 0], x[:, 1:, 1]])
  return [each.reshape(n * tiles, *frame) for each in mixed]


def _unmix_frames(products: list[jax.Array], s: int) -> jax.Array:
  """Returns the results [n,s,h,w,d] of six products [n*ceil(s/4),h,w,d]."""
  y = jnp.stack(_weighted(_RESULTS, products), axis=1)
  tiles, _, *frame = y.shape
  n = tiles // -(-s // _TILE)
  return y.reshape(n, -1, *frame)[:, :s]


def _apart(
  function: Callable[[Arrays], Results], arrays: Arrays, certain: jax.Array
) -> Results:
  """Computes a function once, not anew in whatever reads its results.

  XLA on CPU joins sums of a few slices to each of their readers. Among these
  are the gradients of weights, which read across frames: that and its like took
  a quarter of a train step. It joins nothing across a branch, nor across the
  branch's gradient.
  """
  shapes = jax.eval_shape(function, arrays)

  def never(_: Arrays) -> Results:
    return jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)

  return jax.lax.platform_dependent(
    arrays,
    cpu=functools.partial(jax.lax.cond, certain, function, never),
    default=function,
  )


def _weighted(
  weights: Sequence[Sequence[float]], arrays: list[jax.Array]
) -> list[jax.Array]:
  """Returns for each row of weights the sum of the arrays by it."""
  return [
    functools.reduce(
      operator.add,
      (w * x for w, x in zip(row, arrays, strict=True) if w),
    )
    for row in weights
  ]
