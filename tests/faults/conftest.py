"""The tiny runs of tests/training, to be hurt."""

from training.conftest import config, tree

__all__ = ['config', 'tree']
