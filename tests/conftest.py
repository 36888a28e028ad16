"""Makes JAX strict, and gives every test four CPU devices."""

import os

os.environ.setdefault('JAX_PLATFORMS', 'cpu')

import jax

import gaitgs_jax  # noqa: F401  (sets XLA's flags before JAX starts)

jax.config.update('jax_num_cpu_devices', 4)
jax.config.update('jax_numpy_dtype_promotion', 'strict')
jax.config.update('jax_numpy_rank_promotion', 'raise')
