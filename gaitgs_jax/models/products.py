"""Matrix products and convolutions at the precision that their dtype says.

By default XLA multiplies float32 in passes of bfloat16 on TPU and in TF32 on
NVIDIA GPUs, which errs by 1e-3: as much as a margin, and enough to turn a hard
choice. Every product of a model goes through here: float32 and wider multiply
as such, and a model that wants the speed of half precision says so by its
`dtype`. On CPU nothing changes.
"""

import functools
import operator
from collections.abc import Sequence

import jax
import jax.numpy as jnp


def precision(*operands: jax.Array) -> jax.lax.Precision:
  """Returns HIGHEST if any operand is float32 or wider, else DEFAULT."""
  widest = max(jnp.finfo(x.dtype).bits for x in operands)
  if widest >= 32:
    return jax.lax.Precision.HIGHEST
  return jax.lax.Precision.DEFAULT


def matmul(x: jax.Array, y: jax.Array) -> jax.Array:
  """Returns x @ y."""
  return jnp.matmul(x, y, precision=precision(x, y))


def einsum(subscripts: str, *operands: jax.Array) -> jax.Array:
  """Returns the sum of products that the subscripts say."""
  return jnp.einsum(subscripts, *operands, precision=precision(*operands))


def convolve(
  x: jax.Array, kernel: jax.Array, *, strides: Sequence[int] | None = None
) -> jax.Array:
  """Convolves in two or three dimensions, channels last.

  Half of the kernel's size is padded with zeros before and after each
  dimension, as torch's models do: the size h becomes ceil(h / stride).

  Args:
    x: [n,h,w,c] or [n,s,h,w,c].
    kernel: [i,j,c,d] or [t,i,j,c,d], of odd sizes.
    strides: one for each dimension; None means 1.

  Returns:
    [n,h',w',d] or [n,s',h',w',d].
  """
  steps = tuple(strides or (1,) * (x.ndim - 2))
  sides = [(size // 2, size // 2) for size in kernel.shape[:-2]]
  if x.ndim == 4 and x.dtype == jnp.float64:
    return _sum_of_products(x, kernel, steps, sides)
  places = 'HW' if x.ndim == 4 else 'DHW'
  layout = f'N{places}C'
  return jax.lax.conv_general_dilated(
    x,
    kernel,
    window_strides=steps,
    padding=sides,
    dimension_numbers=(layout, f'{places}IO', layout),
    precision=precision(x, kernel),
  )


def _sum_of_products(
  x: jax.Array,
  kernel: jax.Array,
  strides: tuple[int, ...],
  sides: list[tuple[int, int]],
) -> jax.Array:
  """Convolves [n,h,w,c] with [i,j,c,d], one matrix product for each tap.

  XLA on CPU has no library for convolutions in float64: its plain loops take
  4 to 40 times as long.
  """
  (h, w), (i, j), (down, right) = x.shape[1:3], kernel.shape[:2], strides
  padded = jnp.pad(x, ((0, 0), *sides, (0, 0)))
  each = (
    matmul(
      padded[:, top : top + h : down, left : left + w : right],
      kernel[top, left],
    )
    for top in range(i)
    for left in range(j)
  )
  return functools.reduce(operator.add, each)
