"""The tiny model as a model of one's own, built with facts of its data."""

from flax import nnx
from training import tiny

FACTS = {
  'num_views': ('views/kernel', 1),
  'num_classes': ('identity/kernel', 2),
}


def create(*, rngs: nnx.Rngs, dtype: str = 'float32', **config) -> tiny.Tiny:
  del dtype
  return tiny.Tiny(rngs=rngs, **config)
