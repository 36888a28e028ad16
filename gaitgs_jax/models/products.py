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
  x: jax.Array,
  kernel: jax.Array,
  *,
  strides: Sequence[int] | None = None,
  padding: str | Sequence[tuple[int, int]] = 'SAME',
) -> jax.Array:
  """Convolves in two or three dimensions, channels last.

  Args:
    x: [n,h,w,c] or [n,s,h,w,c].
    kernel: [i,j,c,d] or [t,i,j,c,d].
    strides: one for each dimension; None means 1.
    padding: 'SAME', or zeros before and after each dimension.

  Returns:
    [n,h',w',d] or [n,s',h',w',d].
  """
  plain = x.ndim == 4 and strides is None and padding == 'SAME'
  if plain and x.dtype == jnp.float64:
    return _sum_of_products(x, kernel)
  places = 'HW' if x.ndim == 4 else 'DHW'
  layout = f'N{places}C'
  return jax.lax.conv_general_dilated(
    x,
    kernel,
    window_strides=strides or (1,) * len(places),
    padding=padding,
    dimension_numbers=(layout, f'{places}IO', layout),
    precision=precision(x, kernel),
  )


def _sum_of_products(x: jax.Array, kernel: jax.Array) -> jax.Array:
  """Convolves [n,h,w,c] with odd [i,j,c,d], one matrix product for each tap.

  XLA on CPU has no library for convolutions in float64: its plain loops take
  4 to 40 times as long.
  """
  h, w = x.shape[1:3]
  i, j = kernel.shape[:2]
  sides = ((0, 0), (i // 2, i // 2), (j // 2, j // 2), (0, 0))
  padded = jnp.pad(x, sides)
  each = (
    matmul(padded[:, top : top + h, left : left + w], kernel[top, left])
    for top in range(i)
    for left in range(j)
  )
  return functools.reduce(operator.add, each)
