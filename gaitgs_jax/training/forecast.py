"""What a train step will need, found by compiling it without running it.

The step is the one that training runs, for the devices at hand or for a slice
of TPUs that nobody has to own (`pip install -r requirements-tpu.txt`).
"""

import dataclasses
import functools
import math
import os
import re
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.experimental import topologies
from jax.sharding import Mesh, SingleDeviceSharding

from gaitgs_jax import modalities
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import sampling
from gaitgs_jax.models import convolution
from gaitgs_jax.training import (
  collectives,
  facts,
  meshes,
  preprocessing,
  settings,
  setup,
  steps,
)

_GIB, _MIB = 2**30, 2**20

# What libtpu would ask a TPU machine for, and complain that it is none; and a
# lock of the chips, which would let one process compile at a time.
_NO_TPU_HERE = {
  'ALLOW_MULTIPLE_LIBTPU_LOAD': '1',
  'TPU_SKIP_MDS_QUERY': '1',
  'TPU_ACCELERATOR_TYPE': 'v5litepod-1',
  'TPU_WORKER_HOSTNAMES': 'localhost',
}
# More than any chip holds, and the compiler's answer to it.
_TOO_MUCH = 2**44
_CAPACITY = re.compile(r'HBM \(([\d.]+)G\)')


@dataclasses.dataclass(frozen=True)
class Forecast:
  """What one train step takes of each device.

  Attributes:
    arguments: bytes of the state and the batch.
    outputs: bytes of the results that do not take the state's place.
    temporaries: bytes of all that lives within the step.
    program: bytes of the program.
    flops: floating-point operations, as XLA counts them.
    collectives: in the order of the program; one in a loop counts once.
  """

  arguments: int
  outputs: int
  temporaries: int
  program: int
  flops: float
  collectives: tuple[collectives.Collective, ...]

  @property
  def peak(self) -> int:
    """Bytes that the step needs."""
    return self.arguments + self.outputs + self.temporaries + self.program


def show(config: Any, topology: str = '') -> None:
  """Compiles the train step and prints what it needs.

  Args:
    config: of the run.
    topology: of TPUs, such as 'v5e:2x4'; '' for the devices at hand.

  Raises:
    UserError: the config is wrong, there is no such topology, or no compiler
      for it.
  """
  settings.check(config)
  setup.create_losses(config)
  config = facts.of_dataset(config)
  devices = topology_devices(topology) if topology else jax.devices()
  mesh = meshes.create(**config.mesh, devices=devices)
  limit = capacity(mesh)
  sampler = sampling.batch_spec(config.batch).sampler
  device = mesh.devices.flat[0]
  _show(
    'step',
    f'{config.model_name} on {setup.trained_on(config).name}, {sampler} x '
    f'{config.batch.frames} frames',
  )
  _show(
    'devices',
    f'{mesh.size} x {device.device_kind}'
    + (f' ({topology})' if topology else '')
    + f', data={mesh.shape["data"]} x model={mesh.shape["model"]}',
  )
  found = forecast(config, mesh)
  if found is None:
    _show('memory', f'does not fit in the {_gib(limit)} of a device')
  else:
    _show_need(found, limit)
  _search(config, mesh, found, limit)


def _search(
  config: Any, mesh: Mesh, found: Forecast | None, limit: int
) -> None:
  """Prints the largest batch that fits, which grows by what a sampler draws.

  Args:
    config: of the run.
    mesh: where it runs.
    found: what its own batch needs.
    limit: bytes of each device.
  """
  sampler = sampling.batch_spec(config.batch).sampler
  devices = mesh.shape['data'] * config.accumulate
  number = getattr(sampler, sampler.grows)
  unit = devices // math.gcd(devices, sampler.rows // number)

  def larger(units: int) -> tuple[Any, str]:
    changed = config.copy_and_resolve_references()
    changed.batch[sampler.grows] = units * unit
    return changed, str(sampling.batch_spec(changed.batch).sampler)

  def fits(units: int) -> bool:
    tried, size = larger(units)
    _show('trying', size)
    return within(forecast(tried, mesh), limit)

  given = number // unit
  most, too_many = largest(
    fits, _guess(found, given, limit), given, within(found, limit)
  )
  _show(
    'largest batch',
    f'{larger(most)[1]} ({too_many * unit} {sampler.grows} do not fit)'
    if most
    else f'none: {larger(1)[1]} do not fit',
  )


def topology_devices(topology: str) -> list[Any]:
  """Returns the devices of a TPU topology, to compile for and not to run on.

  Raises:
    UserError: no such topology, or libtpu is not installed.
  """
  for name, value in _NO_TPU_HERE.items():
    os.environ.setdefault(name, value)
  # Looking for a TPU at hand would take minutes.
  jax.config.update('jax_platforms', 'cpu')
  # Both cores of a v4 chip as one device, as JAX runs on it.
  options = dict(chip_config_name='megacore') if topology[:2] == 'v4' else {}
  try:
    return topologies.get_topology_desc(topology, 'tpu', **options).devices
  except jax.errors.JaxRuntimeError as error:
    raise UserError(
      f'--topology={topology}: {str(error).splitlines()[0]} (one that exists '
      'is v5e:2x4; config.mesh.data can take less of it)'
    ) from error
  except RuntimeError as error:
    raise UserError(
      f'--topology={topology} needs the TPU compiler, which is not installed: '
      'pip install -r requirements-tpu.txt'
    ) from error


def capacity(mesh: Mesh) -> int:
  """Returns the bytes that a program may take of each device of a mesh."""
  device = mesh.devices.flat[0]
  if device not in jax.local_devices():
    return _compiler_capacity(device)
  stats = device.memory_stats()
  if stats is not None:
    return int(stats['bytes_limit'])
  memory = os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')
  return memory // mesh.size  # Devices of one CPU share it.


def _compiler_capacity(device: Any) -> int:
  """Returns what the compiler believes a chip to hold, by asking too much."""
  place = SingleDeviceSharding(device)
  much = jax.ShapeDtypeStruct((_TOO_MUCH,), jnp.uint8, sharding=place)
  try:
    jax.jit(jnp.bitwise_not).lower(much).compile()
  except jax.errors.JaxRuntimeError as error:
    if found := _CAPACITY.search(str(error)):
      return int(float(found.group(1)) * _GIB)
    raise
  raise AssertionError(f'{_TOO_MUCH} bytes fit on {device.device_kind}')


def forecast(config: Any, mesh: Mesh) -> Forecast | None:
  """Returns what the config's train step needs on each device of a mesh.

  None where the compiler refuses, as too much is needed.

  Raises:
    UserError: the config is wrong, or its batch does not divide.
  """
  try:
    compiled: Any = lower(config, mesh).compile()
  except jax.errors.JaxRuntimeError as error:
    if 'RESOURCE_EXHAUSTED' in str(error):
      return None
    raise
  memory = compiled.memory_analysis()
  return Forecast(
    arguments=memory.argument_size_in_bytes,
    outputs=memory.output_size_in_bytes - memory.alias_size_in_bytes,
    temporaries=memory.temp_size_in_bytes,
    program=memory.generated_code_size_in_bytes,
    flops=compiled.cost_analysis()['flops'],
    collectives=collectives.read(compiled.as_text()),
  )


def lower(config: Any, mesh: Mesh, lowering: str = '') -> jax.stages.Lowered:
  """Returns the config's train step, lowered for a mesh.

  Args:
    config: of the run.
    mesh: of devices, which need not be at hand.
    lowering: of the convolutions, '' for the platform's default.

  Raises:
    UserError: the config is wrong, or its batch does not divide.
  """
  sampler = sampling.batch_spec(config.batch).sampler
  meshes.check_batch(sampler.rows, str(sampler), mesh, config.accumulate)
  graphdef, state = setup.describe_state(config, mesh)
  optimizer, _ = setup.create_optimizer(config)
  step: Any = steps.make_train_step(
    graphdef,
    setup.create_losses(config),
    optimizer,
    sizes=preprocessing.input_sizes(config),
    augment=preprocessing.create_augmentation(config),
    hold=setup.create_groups(config).hold,
    shardings=setup.shardings_of(state),
    accumulate=config.accumulate,
    recompute=config.remat,
  )
  key = jax.eval_shape(lambda: jax.random.key(config.seed))
  key = key.update(sharding=meshes.replicated(mesh))
  platform = mesh.devices.flat[0].platform
  if not lowering and platform != jax.default_backend():
    lowering = convolution.default_lowering(platform)
  with convolution.lowered(lowering):
    return step.lower(state, describe_batch(config, mesh), key)


def describe_batch(config: Any, mesh: Mesh) -> dict[str, Any]:
  """Returns the shapes and places of the arrays of a training batch.

  Whole sequences (frames_rule 'all') count as batch.frames long.
  """
  spec = sampling.batch_spec(config.batch)
  n, frames = spec.rows, spec.frames
  s = frames.frames_max if frames.frames_rule == 'unfixed' else frames.frames
  windows = (spec.sampler.windows,) if spec.sampler.windows > 1 else ()
  array = functools.partial(
    jax.ShapeDtypeStruct, sharding=meshes.over_data(mesh)
  )
  labels = ('subject', 'view', 'condition', 'sequence')
  return {
    **{
      name: array((n, *windows, s, *size), modalities.get(name).dtype)
      for name, size in preprocessing.input_sizes(config).items()
    },
    'mask': array((n, *windows, s), jnp.bool_),
    **{name: array((n,), jnp.int32) for name in labels},
  }


def within(need: Forecast | None, limit: int) -> bool:
  """Returns whether a step fits."""
  return need is not None and need.peak <= limit


def largest(
  fits: Callable[[int], bool], guess: int, given: int, given_fits: bool
) -> tuple[int, int]:
  """Returns the largest number that fits, to 3 %, and one that does not.

  These are 0 and 1 if none fits. Gallops from the guess to a bracket and then
  halves that.

  Args:
    fits: whether a number fits; each call is dear.
    guess: where to begin, 1 or more.
    given: a number that was tried.
    given_fits: whether it fits.
  """
  low, high = (given, math.inf) if given_fits else (0, given)
  stride = max(1, guess // 16)
  while high - low > max(1, low // 32):
    count = int(min(max(guess, low + 1), high - 1))
    if fits(count):
      low, guess = count, count + stride
    else:
      high, guess = count, count - stride
    if high - low <= 2 * stride:
      guess = (low + int(high)) // 2
    stride *= 2
  return low, int(high)


def _guess(found: Forecast | None, units: int, limit: int) -> int:
  """Guesses how many units fit: all but the state grows with the batch."""
  if found is None:
    return max(1, units // 2)
  fixed = found.arguments + found.program
  slope = max(found.temporaries, 1) / units
  return max(1, int((limit - fixed) / slope))


def _show_need(found: Forecast, limit: int) -> None:
  parts = (
    ('arguments', found.arguments),
    ('outputs', found.outputs),
    ('temporaries', found.temporaries),
    ('program', found.program),
  )
  _show('memory', ', '.join(f'{name} {_gib(size)}' for name, size in parts))
  verdict = 'fits' if within(found, limit) else 'does not fit'
  _show('peak', f'{_gib(found.peak)} of {_gib(limit)} per device: {verdict}')
  _show('arithmetic', f'{found.flops / 1e9:,.1f} GFLOP per device and step')
  kinds: dict[str, list[int]] = {}
  for each in found.collectives:
    kinds.setdefault(each.kind, []).append(each.bytes)
  for kind, sizes in sorted(kinds.items()):
    _show(kind, f'{len(sizes)} of {sum(sizes) / _MIB:,.2f} MiB in all')
  if not kinds:
    _show('collectives', 'none')


def _gib(size: float) -> str:
  return f'{size / _GIB:,.2f} GiB'


def _show(name: str, value: str) -> None:
  print(f'{name:15}{value}', flush=True)
