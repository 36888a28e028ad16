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
# first that matches counts, anything else is whole on every device. Optimizer
# moments carry their weight's path, hence the same rule.
RULES: Rules = ((r'identity/.*kernel$', PartitionSpec(None, None, 'model')),)


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


def check_batch(
  subjects: int, sequences: int, mesh: Mesh, accumulate: int = 1
) -> None:
  """Raises UserError unless the rows divide over 'data' and the parts.

  Args:
    subjects: of a batch.
    sequences: of each.
    mesh: of the run.
    accumulate: parts that a batch is computed in.
  """
  rows, devices = subjects * sequences, mesh.shape['data']
  if rows % (devices * accumulate):
    parts = f' in {accumulate} parts each' if accumulate > 1 else ''
    raise UserError(
      f'the batch of {subjects} subjects x {sequences} sequences = {rows} '
      f'rows does not divide over {devices} devices{parts}: change '
      'config.batch.subjects or config.batch.sequences, or set '
      'config.mesh.data x config.accumulate to a divisor of '
      f'{rows}'
    )


def shardings(tree: Any, mesh: Mesh, rules: Rules = RULES) -> Any:
  """Returns a tree of shardings for a tree of arrays, by the paths' rules."""

  def choose(path: tuple[Any, ...], leaf: Any) -> NamedSharding:
    name = paths.name(path)
    spec = next((s for p, s in rules if re.search(p, name)), PartitionSpec())
    # A weight that does not divide (OU-MVLP's 5,153 classes) stays whole: split
    # over its parts, it would have XLA split all before it likewise.
    fits = len(spec) <= len(leaf.shape) and all(
      axis is None or size % mesh.shape[axis] == 0
      for axis, size in zip(spec, leaf.shape, strict=False)
    )
    return NamedSharding(mesh, spec if fits else PartitionSpec())

  return jax.tree_util.tree_map_with_path(choose, tree)
