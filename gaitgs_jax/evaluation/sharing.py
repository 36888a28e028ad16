"""Who shares the work on a gallery: devices, and maybe processes."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Self

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import tiles
from gaitgs_jax.evaluation.tiles import Embeddings

REPLICATED, SHARDED = PartitionSpec(), PartitionSpec('gallery')


def local_mesh(devices: Sequence[jax.Device] | None = None) -> Mesh:
  """Returns a mesh of devices (default: this process's) to split tiles over."""
  devices = jax.local_devices() if devices is None else devices
  return Mesh(np.array(devices), ('gallery',))


def replicated(array: np.ndarray, mesh: Mesh) -> jax.Array:
  """Returns an array, such as probes [n,p,d], whole on every device."""
  return jax.device_put(array, NamedSharding(mesh, REPLICATED))


def sharded(tile: np.ndarray, mesh: Mesh) -> jax.Array:
  """Returns an array of which every device holds its share of the rows."""
  return jax.device_put(tile, NamedSharding(mesh, SHARDED))


def rows_per_device(embeddings: Embeddings, rows: int, mesh: Mesh) -> int:
  """Returns how many of `rows` embeddings a device takes at a time."""
  share = math.ceil(rows / mesh.size)
  return tiles.rows_per_tile(embeddings, share, tiles.GALLERY_BYTES)


@dataclasses.dataclass(frozen=True)
class Team:
  """Who shares the work: devices of this process, and maybe of the others.

  Attributes:
    mesh: of this process's devices.
    index: this process's number among those that share.
    shared: whether there are others.
  """

  mesh: Mesh
  index: int
  shared: bool

  @classmethod
  def of(cls, devices: Sequence[jax.Device] | None) -> Self:
    """Returns the team of some devices (default: this process's).

    Raises:
      UserError: they are neither of this process alone nor of all.
    """
    here = jax.process_index()
    devices = jax.local_devices() if devices is None else devices
    own = [device for device in devices if device.process_index == here]
    holders = {device.process_index for device in devices}
    shared = len(holders) > 1
    if not own or (shared and len(holders) < jax.process_count()):
      raise UserError(
        f'a search needs devices of this process ({here}) alone or of all '
        f'{jax.process_count()}; got those of {sorted(holders)}'
      )
    return cls(local_mesh(own), here if shared else 0, shared)

  def gather(self, values: np.ndarray) -> np.ndarray:
    """Returns the values of all that share, stacked."""
    if not self.shared:
      return values[None]
    return np.asarray(multihost_utils.process_allgather(values))
