"""Weights and models from and for other systems."""

from gaitgs_jax.interop.torch import container, find, from_torch, to_torch

__all__ = ['container', 'find', 'from_torch', 'to_torch']
