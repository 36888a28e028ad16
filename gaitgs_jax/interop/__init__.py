"""Weights and models from and for other systems."""

from gaitgs_jax.interop.torch import from_torch, to_torch

__all__ = ['from_torch', 'to_torch']
