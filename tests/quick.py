"""jax.jit for tests whose compiling takes longer than what they compute."""

import functools

import jax

# A third of the time to compile; what is computed stays the same but for the
# rounding of fused operations. Not where that rounding is what is tested.
jit = functools.partial(
  jax.jit, compiler_options={'xla_backend_optimization_level': 0}
)

# One after another, the operations of a model would each be compiled.
forward = jit(lambda model, x, mask=None: model(x, mask))
