"""Initial weights, drawn on the host.

numpy draws them, from a key of `nnx.Rngs`: the same on every platform and
mesh, and without compiling a random generator for each shape, which takes
longer than compiling the train step.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

_Shape = tuple[int, ...]


def normal(rngs: nnx.Rngs, shape: _Shape) -> jax.Array:
  """Draws float32 from N(0, 1)."""
  return _draw(rngs, shape, lambda rng: rng.standard_normal(shape, np.float32))


def xavier_uniform(
  rngs: nnx.Rngs,
  shape: _Shape,
  *,
  in_axis: int = -2,
  out_axis: int = -1,
  stacked: bool = False,
) -> jax.Array:
  """Draws float32 uniformly from +-sqrt(6 / (fan in + fan out)).

  As torch.nn.init.xavier_uniform_: axes beside inputs and outputs count in
  both fans.

  Args:
    rngs: where the key comes from.
    shape: of the array.
    in_axis: the axis of the inputs.
    out_axis: the axis of the outputs.
    stacked: whether axis 0 numbers separate kernels, which have no part in
      the fans.
  """
  each = shape[1:] if stacked else shape
  taps = math.prod(each) // (shape[in_axis] * shape[out_axis])
  fans = (shape[in_axis] + shape[out_axis]) * taps
  return uniform(rngs, shape, bound=math.sqrt(6 / fans))


def uniform(rngs: nnx.Rngs, shape: _Shape, *, bound: float) -> jax.Array:
  """Draws float32 uniformly from +-bound."""
  return _draw(
    rngs,
    shape,
    lambda rng: rng.uniform(-bound, bound, shape).astype(np.float32),
  )


def kaiming_normal(rngs: nnx.Rngs, shape: _Shape) -> jax.Array:
  """Draws a kernel [...,c,d] from N(0, 2 / fan out).

  As torch.nn.init.kaiming_normal_ with mode='fan_out': taps count in the fan.
  """
  fan_out = math.prod(shape) // shape[-2]
  return math.sqrt(2 / fan_out) * normal(rngs, shape)


def _draw(
  rngs: nnx.Rngs,
  shape: _Shape,
  sample: Callable[[np.random.Generator], np.ndarray],
) -> jax.Array:
  def on_host(words: jax.Array) -> np.ndarray:
    seed = np.random.SeedSequence(np.asarray(words).tolist())
    return sample(np.random.Generator(np.random.Philox(seed)))

  words = jax.random.key_data(_next_key(rngs))
  if not isinstance(words, jax.core.Tracer):
    return jnp.asarray(on_host(words))
  # A callback, so that shapes alone can be traced and whole models jitted.
  like = jax.ShapeDtypeStruct(shape, jnp.float32)
  return jax.pure_callback(on_host, like, words)


def _next_key(rngs: nnx.Rngs) -> jax.Array:
  """Returns what `rngs.params()` does, of a traced count in less time.

  That asks the count for its sharding. A traced one has none, and says so in a
  sentence for which JAX searches the whole program: describing a model took a
  time that grew with the square of its layers.
  """
  stream = rngs.params
  count = stream.count[...]
  stream.count.set_value(count + 1)
  return jax.random.fold_in(stream.key[...], count)


def kernel(rngs: nnx.Rngs, *shape: int) -> nnx.Param:
  """Draws a kernel [...,c,d] by Xavier's rule."""
  return nnx.Param(xavier_uniform(rngs, shape))
