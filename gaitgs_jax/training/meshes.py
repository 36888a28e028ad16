"""Where arrays live: one mesh with the axes 'data' and 'model'.

Batches are split over 'data', and a process reads the rows that the mesh puts
on its own devices: several processes may hold the same slice, or one process
any slices. Weights are whole on every device, but for the
few that `RULES` names: an identity head of tens of thousands of subjects is
split over 'model'. XLA adds the communication, so that losses and BatchNorm
see the global batch.
"""

import collections
import re
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jax.experimental import mesh_utils
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from gaitgs_jax.errors import UserError
from gaitgs_jax.training import paths

# Pattern of a weight's path -> the axes its dimensions are split over; the
# first that matches counts, anything else is whole on every device. Optimizer
# moments carry their weight's path, hence the same rule.
RULES = ((r'identity/.*kernel$', PartitionSpec(None, None, 'model')),)


def create(
  data: int = -1, model: int = 1, *, devices: Sequence[Any] | None = None
) -> Mesh:
  """Returns a mesh of data x model devices, neighbours next to each other.

  Args:
    data: devices along 'data'; -1 takes all there are.
    model: devices along 'model'.
    devices: the devices to use (default: every device of every process).

  Raises:
    UserError: there are not that many devices, or not as many of them in
      each process.
  """
  devices = jax.devices() if devices is None else devices
  count = len(devices)
  wide = count // model if data == -1 and model > 0 else data
  if model < 1 or wide < 1 or wide * model > count:
    raise UserError(
      f'config.mesh asks for data={data} x model={model} devices, but there '
      f'are {count}: lower them, or take data=-1 for all that remain'
    )
  grid = arrange(choose(devices, wide * model), wide, model)
  return Mesh(grid, ('data', 'model'), axis_types=(AxisType.Auto,) * 2)


def choose(devices: Sequence[Any], count: int) -> list[Any]:
  """Returns `count` of the devices, as many of each process.

  Raises:
    UserError: the processes that run have not as many each.
  """
  owned: dict[int, list[Any]] = collections.defaultdict(list)
  for device in devices:
    owned[device.process_index].append(device)
  each, left = divmod(count, len(owned))
  if not left and all(len(own) >= each for own in owned.values()):
    return [device for own in owned.values() for device in own[:each]]
  if jax.process_count() > 1 and count < len(devices):
    raise UserError(
      f'config.mesh takes {count} of {len(devices)} devices, which are not as '
      f'many of each of the {len(owned)} processes: set config.mesh.data x '
      f'config.mesh.model to a multiple of {len(owned)}, or start fewer '
      'processes'
    )
  return list(devices[:count])


def arrange(devices: Sequence[Any], data: int, model: int) -> np.ndarray:
  """Returns devices as [data,model], in the order of their connections.

  'model' stays within what is closely connected (a TPU slice, a host of GPUs)
  where it divides.
  """
  close = {getattr(device, 'slice_index', 0) for device in devices}
  try:
    if len(close) > 1:
      return mesh_utils.create_hybrid_device_mesh(
        (data // len(close), model),
        (len(close), 1),
        devices,
        allow_split_physical_axes=True,
      )
    return mesh_utils.create_device_mesh(
      (data, model), devices, allow_split_physical_axes=True
    )
  except (AssertionError, NotImplementedError, ValueError):
    # They form no block, as part of a TPU slice may not.
    return np.asarray(devices).reshape(data, model)


def replicated(mesh: Mesh) -> NamedSharding:
  """Returns the sharding of an array that every device holds whole."""
  return NamedSharding(mesh, PartitionSpec())


def over_data(mesh: Mesh) -> NamedSharding:
  """Returns the sharding of a batch: axis 0 over 'data'."""
  return NamedSharding(mesh, PartitionSpec('data'))


def local_slices(mesh: Mesh) -> np.ndarray:
  """Returns which slices of 'data' this process's devices hold, ascending."""
  count = mesh.shape['data']
  held = over_data(mesh).addressable_devices_indices_map((count,)).values()
  return np.unique([index[0].indices(count)[0] for index in held if index])


def local_rows(rows: int, mesh: Mesh) -> np.ndarray:
  """Returns which rows of a batch this process's devices hold, ascending.

  Args:
    rows: of the batch of all processes; they divide over 'data'.
    mesh: of the run.
  """
  each = rows // mesh.shape['data']
  return (local_slices(mesh)[:, None] * each + np.arange(each)).reshape(-1)


def place(batch: Mapping[str, np.ndarray], mesh: Mesh) -> dict[str, jax.Array]:
  """Puts this process's rows of a batch on its devices.

  Args:
    batch: arrays [n,...] of the rows of `local_rows`.
    mesh: of the run.

  Returns:
    Arrays of the rows of all processes.
  """
  slices, sharding = local_slices(mesh), over_data(mesh)

  def put(values: np.ndarray) -> jax.Array:
    each, left = divmod(len(values), len(slices))
    if left:
      raise ValueError(f'{len(values)} rows for {len(slices)} slices')
    rows = each * mesh.shape['data']

    def part(index: Any) -> np.ndarray:
      start, stop, _ = index[0].indices(rows)
      first = each * int(np.searchsorted(slices * each, start))
      return values[first : first + stop - start]

    return jax.make_array_from_callback(
      (rows, *values.shape[1:]), sharding, part
    )

  return {name: put(values) for name, values in batch.items()}


def check_batch(rows: int, what: str, mesh: Mesh, accumulate: int = 1) -> None:
  """Raises UserError unless the rows divide over 'data' and the parts.

  Args:
    rows: of a batch.
    what: they are, in words, such as '8 subjects x 4 sequences'.
    mesh: of the run.
    accumulate: parts that a batch is computed in.
  """
  devices = mesh.shape['data']
  if rows % (devices * accumulate):
    parts = f' in {accumulate} parts each' if accumulate > 1 else ''
    raise UserError(
      f'the batch of {what} = {rows} rows does not divide over {devices} '
      f'devices{parts}: change the numbers of config.batch, or set '
      f'config.mesh.data x config.accumulate to a divisor of {rows}'
    )


def shardings(tree: Any, mesh: Mesh) -> Any:
  """Returns a tree of shardings for a tree of arrays, by `RULES`."""

  def choose(path: tuple[Any, ...], leaf: Any) -> NamedSharding:
    name = paths.name(path)
    spec = next((s for p, s in RULES if re.search(p, name)), PartitionSpec())
    # A weight that does not divide (OU-MVLP's 5,153 classes) stays whole: split
    # over its parts, it would have XLA split all before it that way.
    fits = len(spec) <= len(leaf.shape) and all(
      axis is None or size % mesh.shape[axis] == 0
      for axis, size in zip(spec, leaf.shape, strict=False)
    )
    return NamedSharding(mesh, spec if fits else PartitionSpec())

  return jax.tree_util.tree_map_with_path(choose, tree)
