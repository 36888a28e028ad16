import jax
import jax.numpy as jnp
import pytest
from jax.sharding import PartitionSpec

from gaitgs_jax.errors import UserError
from gaitgs_jax.training import mesh


def test_minus_one_takes_the_remaining_devices():
  assert dict(mesh.create().shape) == {'data': 8, 'model': 1}
  assert dict(mesh.create(model=2).shape) == {'data': 4, 'model': 2}
  assert dict(mesh.create(data=3).shape) == {'data': 3, 'model': 1}


@pytest.mark.parametrize('data, model', [(9, 1), (4, 4), (0, 1), (-1, 0)])
def test_devices_that_are_not_there_are_refused(data, model):
  with pytest.raises(UserError, match=f'data={data} x model={model}.*are 8'):
    mesh.create(data, model)


def test_a_batch_must_divide_over_the_devices():
  mesh.check_batch(4, 2, mesh.create(4))
  with pytest.raises(UserError, match=r'3 subjects x 2 sequences = 6.* 4 dev'):
    mesh.check_batch(3, 2, mesh.create(4))
  with pytest.raises(UserError, match='4 devices in 4 parts each: change'):
    mesh.check_batch(4, 2, mesh.create(4), 4)


def test_only_the_identity_head_is_split():
  tree = {
    'identity': {'kernel': jnp.zeros((2, 3, 8))},
    'fine': {'kernel': jnp.zeros((2, 3, 8))},
  }
  devices = mesh.create(model=2)
  places = mesh.shardings({'params': tree, 'mu': [tree]}, devices)
  for where in (places['params'], places['mu'][0]):
    assert where['identity']['kernel'].spec == PartitionSpec(
      None, None, 'model'
    )
    assert where['fine']['kernel'].spec == PartitionSpec()


def test_a_head_whose_classes_do_not_divide_stays_whole():
  tree = {'identity': {'kernel': jnp.zeros((4, 3, 7))}}
  places = mesh.shardings(tree, mesh.create(model=2))
  assert places['identity']['kernel'].spec == PartitionSpec()


def test_axes_are_auto():
  # Explicit axes would refuse pairwise code on a split batch.
  x = jax.device_put(jnp.ones((8, 3)), mesh.over_data(mesh.create()))
  assert jnp.einsum('nd,md->nm', x, x).shape == (8, 8)
