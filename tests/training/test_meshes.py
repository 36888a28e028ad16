import itertools
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from gaitgs_jax.errors import UserError
from gaitgs_jax.training import meshes


def test_minus_one_takes_the_remaining_devices():
  assert dict(meshes.create().shape) == {'data': 8, 'model': 1}
  assert dict(meshes.create(model=2).shape) == {'data': 4, 'model': 2}
  assert dict(meshes.create(data=3).shape) == {'data': 3, 'model': 1}


@pytest.mark.parametrize('data, model', [(9, 1), (4, 4), (0, 1), (-1, 0)])
def test_devices_that_are_not_there_are_refused(data, model):
  with pytest.raises(UserError, match=f'data={data} x model={model}.*are 8'):
    meshes.create(data, model)


def _hosts(*sizes, **facts):
  """Returns devices that are not there, some of each of several processes."""
  owners = np.repeat(np.arange(len(sizes)), sizes).tolist()
  return [
    SimpleNamespace(id=i, process_index=owner, slice_index=owner, **facts)
    for i, owner in enumerate(owners)
  ]


def _tpus(kind, x, y):
  """Returns the chips of a TPU slice in their order by number."""
  return [
    SimpleNamespace(
      id=i,
      process_index=0,
      device_kind=kind,
      platform='tpu',
      coords=(column, row, 0),
      core_on_chip=0,
    )
    for i, (row, column) in enumerate(itertools.product(range(y), range(x)))
  ]


def _numbers(devices, *shape):
  grid = meshes.arrange(devices, *shape)
  assert grid.shape == shape
  return [[device.id for device in row] for row in grid]


def test_a_ring_of_chips_is_one():
  chips = _tpus('TPU v5 lite', 4, 2)
  ring = [chip.coords for (chip,) in meshes.arrange(chips, 8, 1)]
  for (x, y, _), (next_x, next_y, _) in itertools.pairwise([*ring, ring[0]]):
    assert abs(x - next_x) + abs(y - next_y) == 1


def test_an_axis_of_the_chips_may_be_split():
  chips = _tpus('TPU v4', 2, 4)
  assert sorted(itertools.chain(*_numbers(chips, 4, 2))) == list(range(8))
  assert sorted(itertools.chain(*_numbers(chips, 2, 4))) == list(range(8))
  assert sorted(itertools.chain(*_numbers(chips, 8, 1))) == list(range(8))


def test_chips_that_are_no_block_keep_their_order():
  assert _numbers(_tpus('TPU v4', 2, 2)[:3], 3, 1) == [[0], [1], [2]]


def test_the_model_axis_stays_within_a_host():
  gpus = _hosts(4, 4, device_kind='H100', platform='gpu')
  # As other processes may come in any order.
  assert _numbers(gpus[::-1], 4, 2) == [[0, 1], [2, 3], [4, 5], [6, 7]]
  assert _numbers(gpus, 1, 8) == [list(range(8))]


def test_some_devices_are_as_many_of_each_process(monkeypatch):
  devices = _hosts(4, 4)
  assert [d.id for d in meshes.choose(devices, 4)] == [0, 1, 4, 5]
  # Compiled for, and not run on.
  assert [d.id for d in meshes.choose(devices, 3)] == [0, 1, 2]
  monkeypatch.setattr(jax, 'process_count', lambda: 2)
  with pytest.raises(UserError, match=r'takes 3 of 8 devices.*multiple of 2'):
    meshes.choose(devices, 3)
  with pytest.raises(UserError, match='takes 6 of 7 devices'):
    meshes.choose(_hosts(5, 2), 6)
  assert meshes.choose(_hosts(5, 2), 7) == _hosts(5, 2)


def test_rows_come_to_where_the_mesh_wants_them():
  devices = meshes.create(2, 2)
  values = np.arange(12, dtype=np.int32).reshape(6, 2)
  assert meshes.local_slices(devices).tolist() == [0, 1]
  assert meshes.local_rows(6, devices).tolist() == list(range(6))
  placed = meshes.place({'x': values}, devices)['x']
  assert placed.sharding == meshes.over_data(devices)
  np.testing.assert_array_equal(placed, values)


def test_a_batch_must_divide_over_the_devices():
  meshes.check_batch(8, '4 subjects x 2 sequences', meshes.create(4))
  with pytest.raises(UserError, match=r'of 6 sequences = 6 rows.* 4 devices'):
    meshes.check_batch(6, '6 sequences', meshes.create(4))
  with pytest.raises(UserError, match='4 devices in 4 parts each: change'):
    meshes.check_batch(8, '8 sequences', meshes.create(4), 4)


def test_only_the_identity_head_is_split():
  tree = {
    'identity': {'kernel': jnp.zeros((2, 3, 8))},
    'fine': {'kernel': jnp.zeros((2, 3, 8))},
  }
  devices = meshes.create(model=2)
  places = meshes.shardings({'params': tree, 'mu': [tree]}, devices)
  for where in (places['params'], places['mu'][0]):
    assert where['identity']['kernel'].spec == PartitionSpec(
      None, None, 'model'
    )
    assert where['fine']['kernel'].spec == PartitionSpec()


def test_a_head_whose_classes_do_not_divide_stays_whole():
  tree = {'identity': {'kernel': jnp.zeros((4, 3, 7))}}
  places = meshes.shardings(tree, meshes.create(model=2))
  assert places['identity']['kernel'].spec == PartitionSpec()


def test_axes_are_auto():
  # Explicit axes would refuse pairwise code on a split batch.
  x = jax.device_put(jnp.ones((8, 3)), meshes.over_data(meshes.create()))
  assert jnp.einsum('nd,md->nm', x, x).shape == (8, 8)
