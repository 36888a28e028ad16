"""Gait recognition on JAX: who is this person, from how they walk."""

from gaitgs_jax import runtime

__version__ = '0.1.0'

runtime.configure()
