"""3-D convolutions over [n,s,h,w,c], lowered to what each platform does best.

Every lowering computes the same numbers; only their speed differs.
"""

import jax
import jax.numpy as jnp

LOWERINGS = ('native', 'frames')


def default_lowering(platform: str | None = None) -> str:
  """Returns the lowering for a platform; None means the present default one.

  XLA's native 3-D convolution stays far below the machine's rate on CPU, where
  2-D convolutions over joined frames reach three times as much.
  """
  return 'frames' if (platform or jax.default_backend()) == 'cpu' else 'native'


def convolve(
  x: jax.Array,
  kernel: jax.Array,
  *,
  strips: int = 1,
  lowering: str | None = None,
) -> jax.Array:
  """Convolves with zero padding that keeps the size ("same"), stride 1.

  Args:
    x: [n,s,h,w,c].
    kernel: [t,i,j,c,d] with odd t, i, j.
    strips: cuts the height into this many equal strips, each zero-padded by
      itself, as if it were an image of its own.
    lowering: one of `LOWERINGS`, or None for the platform's own.

  Returns:
    [n,s,h,w,d].

  Raises:
    ValueError: if the strips do not divide the height, or for an unknown
      lowering.
  """
  height = x.shape[2]
  if height % strips:
    raise ValueError(f'{strips} strips do not divide a height of {height}')
  lowering = lowering or default_lowering()
  if lowering == 'native':
    return _native(x, kernel, strips)
  if lowering == 'frames':
    return _frames(x, kernel, strips)
  raise ValueError(
    f'no convolution lowering {lowering!r}; choose one of {LOWERINGS}'
  )


def _native(x: jax.Array, kernel: jax.Array, strips: int) -> jax.Array:
  """Folds the strips into the batch and convolves in 3-D."""
  n, s, h, w, c = x.shape
  x = x.reshape(n, s, strips, h // strips, w, c).swapaxes(1, 2)
  y = jax.lax.conv_general_dilated(
    x.reshape(n * strips, s, h // strips, w, c),
    kernel,
    window_strides=(1, 1, 1),
    padding='SAME',
    dimension_numbers=('NDHWC', 'DHWIO', 'NDHWC'),
  )
  y = y.reshape(n, strips, s, h // strips, w, -1).swapaxes(1, 2)
  return y.reshape(n, s, h, w, -1)


def _frames(x: jax.Array, kernel: jax.Array, strips: int) -> jax.Array:
  """Joins neighbouring frames on channels and convolves in 2-D."""
  n, s, h, w, c = x.shape
  t, i, j, _, d = kernel.shape
  # With the frames as the batch, cutting strips is a reshape without a copy.
  x = join_frames(x, t).reshape(n * s * strips, h // strips, w, t * c)
  y = jax.lax.conv_general_dilated(
    x,
    kernel.transpose(1, 2, 0, 3, 4).reshape(i, j, t * c, d),
    window_strides=(1, 1),
    padding='SAME',
    dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
  )
  return y.reshape(n, s, h, w, d)


def shifted_frames(
  x: jax.Array, taps: int, value: float = 0.0
) -> list[jax.Array]:
  """Returns x [n,s,...] shifted by -taps//2 .. taps//2 frames.

  Frames before the first and after the last hold `value`.
  """
  s, side = x.shape[1], taps // 2
  padding = ((0, 0), (side, side)) + ((0, 0),) * (x.ndim - 2)
  padded = jnp.pad(x, padding, constant_values=jnp.asarray(value, x.dtype))
  return [padded[:, t : t + s] for t in range(taps)]


def join_frames(x: jax.Array, taps: int) -> jax.Array:
  """Joins each frame with its neighbours on channels: [n,s,...,taps*c]."""
  return jnp.concatenate(shifted_frames(x, taps), axis=-1)
