"""Where arrays live: one mesh with the axes 'data' and 'model'.

Batches are split over 'data'. Weights are whole on every device, but for the
few that `RULES` names: an identity head of tens of thousands of subjects is
split over 'model'. XLA adds the communication, so that losses and BatchNorm
see the global batch.
"""

import re
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from gaitgs_jax.errors import UserError
from gaitgs_jax.training import paths

Rules = Sequence[tuple[str, PartitionSpec]]

# Pattern of a weight's path -> the axes its dimensions are split over; the
# first that matches and divides counts, anything else is whole on every device.
# Optimizer moments carry their weight's path, hence the same rule.
_HEAD = r'identity/.*kernel$'
RULES: Rules = (
  # [p,d,k] over its classes, or over its parts where the classes do not divide
  # (OU-MVLP's 5,153).
  (_HEAD, PartitionSpec(None, None, 'model')),
  (_HEAD, PartitionSpec('model')),
)


def create(
  data: int = -1, model: int = 1, *, devices: Sequence[Any] | None = None
) -> Mesh:
  """Returns a mesh of data x model devices.

  Args:
    data: devices along 'data'; -1 takes all there are.
    model: devices along 'model'.
    devices: the devices to use (default: every device of every process).

  Raises:
    UserError: there are not that many devices.
  """
  devices = jax.devices() if devices is None else devices
  count = len(devices)
  wide = count // model if data == -1 and model > 0 else data
  if model < 1 or wide < 1 or wide * model > count:
    raise UserError(
      f'config.mesh asks for data={data} x model={model} devices, but there '
      f'are {count}: lower them, or take data=-1 for all that remain'
    )
  grid = np.asarray(devices[: wide * model]).reshape(wide, model)
  return Mesh(grid, ('data', 'model'), axis_types=(AxisType.Auto,) * 2)


def whole(mesh: Mesh) -> NamedSharding:
  """Returns the sharding of an array that every device holds whole."""
  return NamedSharding(mesh, PartitionSpec())


def over_data(mesh: Mesh) -> NamedSharding:
  """Returns the sharding of a batch: axis 0 over 'data'."""
  return NamedSharding(mesh, PartitionSpec('data'))


def check_batch(subjects: int, sequences: int, mesh: Mesh) -> None:
  """Raises UserError unless subjects x sequences divides over 'data'."""
  rows, devices = subjects * sequences, mesh.shape['data']
  if rows % devices:
    raise UserError(
      f'the batch of {subjects} subjects x {sequences} sequences = {rows} '
      f'rows does not divide over {devices} devices: change '
      'config.batch.subjects or config.batch.sequences, or set '
      f'config.mesh.data to a divisor of {rows}'
    )


def shardings(tree: Any, mesh: Mesh, rules: Rules = RULES) -> Any:
  """Returns a tree of shardings for a tree of arrays, by the paths' rules."""

  def choose(path: tuple[Any, ...], leaf: Any) -> NamedSharding:
    name = paths.name(path)
    specs = (
      spec
      for pattern, spec in rules
      if re.search(pattern, name) and _divides(leaf.shape, spec, mesh)
    )
    return NamedSharding(mesh, next(specs, PartitionSpec()))

  return jax.tree_util.tree_map_with_path(choose, tree)


def _divides(shape: tuple[int, ...], spec: PartitionSpec, mesh: Mesh) -> bool:
  return len(spec) <= len(shape) and all(
    axis is None or size % mesh.shape[axis] == 0
    for axis, size in zip(spec, shape, strict=False)
  )
