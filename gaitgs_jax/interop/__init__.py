"""Weights and models from and for other systems."""

from gaitgs_jax.interop.torch import container, from_torch, to_torch

__all__ = ['container', 'from_torch', 'to_torch']
