"""Rank-1, mAP and their tables: arrays in, numbers out (numpy and jax)."""

from gaitgs_jax.evaluation.protocols import evaluate

__all__ = ['evaluate']
