import jax
import jax.numpy as jnp
import pytest
from flax import nnx

from gaitgs_jax import interop, models
from gaitgs_jax.interop import to_torch

SMALL = dict(channels=(2, 4, 4), lateral=4, bins=(2, 1), features=6)


def paths(model):
  return {
    '/'.join(map(str, path)) for path, _ in nnx.to_flat_state(nnx.state(model))
  }


def test_the_second_phase_starts_from_all_of_the_first():
  first = models.create('gln', rngs=nnx.Rngs(0), **SMALL)
  second = models.create('gln', rngs=nnx.Rngs(0), num_classes=5, **SMALL)
  added = paths(second) - paths(first)
  assert paths(first) < paths(second)
  assert {path.partition('/')[0] for path in added} == {'compact'}
  found = interop.find('gln', to_torch('gln', first), num_classes=5, **SMALL)
  assert found.arrays.keys() == paths(second) - added
  assert not found.others


def test_sizes_that_cannot_be_halved_twice_are_told():
  model = models.create('gln', rngs=nnx.Rngs(0), **SMALL)
  with pytest.raises(ValueError, match=r'66 x 44; .* 4 must divide them'):
    jax.eval_shape(model, jnp.zeros((1, 2, 66, 44, 1)))
