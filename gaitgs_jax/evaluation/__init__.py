"""Rank-1, mAP and their tables: arrays in, numbers out (numpy and jax)."""

from gaitgs_jax.evaluation.protocols import evaluate
from gaitgs_jax.evaluation.segmentation import evaluate_masks
from gaitgs_jax.evaluation.submissions import submit
from gaitgs_jax.evaluation.verification import verify

__all__ = ['evaluate', 'evaluate_masks', 'submit', 'verify']
