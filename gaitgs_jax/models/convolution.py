"""3-D convolutions over [n,s,h,w,c], lowered to what each platform does best.

Every lowering computes the same numbers; only their speed differs:

  native: XLA's 3-D convolution;
  frames: a 2-D convolution over each frame joined with its neighbours;
  winograd: four frames from six 2-D convolutions of one frame's channels, half
    the arithmetic (`winograd.py`). For three taps in time; other convolutions
    are lowered to frames.

docs/scaling.md tells how fast each is where.
"""

import contextlib
import contextvars
import functools
from collections.abc import Callable, Iterator
from typing import TypeVar

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from gaitgs_jax.errors import BadValue
from gaitgs_jax.models import products, winograd

LOWERINGS = ('native', 'frames', 'winograd')
# Each platform's own, chosen when the program runs: for one that is exported.
PORTABLE = 'portable'

# With fewer channels the transforms cost more than they save.
_WINOGRAD_CHANNELS = 8

Arrays = TypeVar('Arrays')

_chosen: contextvars.ContextVar[str] = contextvars.ContextVar(
  'lowering', default=''
)


def default_lowering(
  platform: str | None = None, dtype: DTypeLike = jnp.float32
) -> str:
  """Returns the lowering for a platform and the arithmetic's dtype.

  XLA's native 3-D convolution stays far below the machine's rate on CPU; 2-D
  convolutions come closer to it. In less than float32, Winograd's sums would
  round away what the taps tell apart.

  Args:
    platform: 'cpu', 'gpu' or 'tpu'; None means the present default one.
    dtype: of the arrays.
  """
  if (platform or jax.default_backend()) != 'cpu':
    return 'native'
  return 'winograd' if jnp.finfo(dtype).bits >= 32 else 'frames'


@contextlib.contextmanager
def lowered(lowering: str) -> Iterator[None]:
  """Chooses the lowering of what is traced within; '' leaves it.

  Args:
    lowering: one of `LOWERINGS`, `PORTABLE` or ''.

  Raises:
    ValueError: for an unknown lowering.
  """
  token = _chosen.set(_checked(lowering) if lowering else _chosen.get())
  try:
    yield
  finally:
    _chosen.reset(token)


def convolve(
  x: jax.Array,
  kernel: jax.Array,
  *,
  stride: int = 1,
  lowering: str | None = None,
) -> jax.Array:
  """Convolves with half of the kernel's size of zeros around ("same").

  Args:
    x: [n,s,h,w,c].
    kernel: [t,i,j,c,d] with odd t, i, j; or [i,j,c,d] for each frame by itself.
    stride: in h and w.
    lowering: one of `LOWERINGS`, or None for the platform's own; that of a
      single tap in time is always frames.

  Returns:
    [n,s,ceil(h/stride),ceil(w/stride),d].

  Raises:
    ValueError: for an unknown lowering.
  """
  if kernel.ndim == 4:
    kernel = kernel[None]
  chosen = _choose(lowering, x, kernel)
  if chosen == PORTABLE:
    return _of_each_platform(
      functools.partial(convolve, stride=stride), x, kernel
    )
  if chosen == 'native':
    return products.convolve(x, kernel, strides=(1, stride, stride))
  in_2d = functools.partial(products.convolve, strides=(stride, stride))
  if chosen == 'winograd':
    return winograd.convolve(x, (kernel, in_2d))[0]
  n, s = x.shape[:2]
  frames = join_frames(x, len(kernel))
  y = in_2d(frames.reshape(n * s, *frames.shape[2:]), _join_taps(kernel))
  return y.reshape(n, s, *y.shape[1:])


def convolve_with_strips(
  x: jax.Array,
  whole: jax.Array,
  strip: jax.Array,
  strips: int,
  *,
  lowering: str | None = None,
) -> tuple[jax.Array, jax.Array]:
  """Convolves the whole map, and with another kernel each of its strips.

  Args:
    x: [n,s,h,w,c].
    whole: the kernel [t,i,j,c,d] for the map, with odd t, i, j.
    strip: the kernel of the same shape for the strips.
    strips: how many equal horizontal strips; each is zero-padded by itself, as
      if it were an image of its own.
    lowering: one of `LOWERINGS`, or None for the platform's own.

  Returns:
    Both results, each [n,s,h,w,d].

  Raises:
    ValueError: if the strips do not divide the height, or for an unknown
      lowering.
  """
  n, s, h, w, c = x.shape
  t, d = whole.shape[0], whole.shape[-1]
  if h % strips:
    raise BadValue(f'{strips} strips do not divide a height of {h}')
  chosen = _choose(lowering, x, whole)
  if chosen == PORTABLE:
    convolution = functools.partial(convolve_with_strips, strips=strips)
    return _of_each_platform(convolution, x, whole, strip)

  def convolve_strips(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Maps [n,h,w,c] to [n,h,w,d]; strips of images are images in memory."""
    n, h, w, c = x.shape
    cut = x.reshape(n * strips, h // strips, w, c)
    return products.convolve(cut, kernel).reshape(n, h, w, d)

  if chosen == 'native':
    cut = x.reshape(n, s, strips, h // strips, w, c).swapaxes(1, 2)
    y = products.convolve(cut.reshape(n * strips, s, h // strips, w, c), strip)
    y = y.reshape(n, strips, s, h // strips, w, d).swapaxes(1, 2)
    return products.convolve(x, whole), y.reshape(n, s, h, w, d)
  if chosen == 'winograd':
    kernels = (whole, products.convolve), (strip, convolve_strips)
    y, z = winograd.convolve(x, *kernels)
    return y, z
  frames = join_frames(x, t).reshape(n * s, h, w, t * c)
  y = products.convolve(frames, _join_taps(whole))
  z = convolve_strips(frames, _join_taps(strip))
  return y.reshape(n, s, h, w, d), z.reshape(n, s, h, w, d)


def _choose(lowering: str | None, x: jax.Array, kernel: jax.Array) -> str:
  lowering = lowering or _chosen.get() or default_lowering(dtype=x.dtype)
  lowering = _checked(lowering)
  if kernel.shape[0] == 1:
    return 'frames'
  fits = kernel.shape[0] == 3 and x.shape[-1] >= _WINOGRAD_CHANNELS
  return 'frames' if lowering == 'winograd' and not fits else lowering


def _of_each_platform(
  convolution: Callable[..., Arrays], *arrays: jax.Array
) -> Arrays:
  of = functools.partial(default_lowering, dtype=arrays[0].dtype)
  return jax.lax.platform_dependent(
    *arrays,
    cpu=functools.partial(convolution, lowering=of('cpu')),
    default=functools.partial(convolution, lowering=of('gpu')),
  )


def _checked(lowering: str) -> str:
  if lowering not in (*LOWERINGS, PORTABLE):
    raise BadValue(
      f'no convolution lowering {lowering!r}; choose one of {LOWERINGS}'
    )
  return lowering


def _join_taps(kernel: jax.Array) -> jax.Array:
  """Joins a kernel's taps in time on channels: [t,i,j,c,d] -> [i,j,t*c,d]."""
  t, i, j, c, d = kernel.shape
  return kernel.transpose(1, 2, 0, 3, 4).reshape(i, j, t * c, d)


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
