"""What the benchmarks of a device share: times, rates and sizes."""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from benchmarks import turns
from gaitgs_jax import models
from gaitgs_jax.models import convolution

GIB = 2**30
SIZE = (64, 44)

# Form -> model, its fields and the size of its silhouettes.
FORMS: dict[str, tuple[str, dict[str, Any], tuple[int, int]]] = {
  'gaitgs_casia_b': ('gaitgs', {}, SIZE),
  'gaitgs_casia_b_128': ('gaitgs', {}, (128, 88)),
  'gaitgs_oumvlp': (
    'gaitgs',
    dict(channels=(32, 64, 128, 256), strips=2, num_views=14, num_classes=5153),
    SIZE,
  ),
  'gaitgs_demo': (
    'gaitgs',
    dict(
      channels=(8, 16, 32),
      parts=16,
      strips=4,
      features=64,
      heads=4,
      depth=1,
      shrink=2,
    ),
    SIZE,
  ),
  'gaitgs_8_16_32': (
    'gaitgs',
    dict(channels=(8, 16, 32), strips=8, features=64, heads=4, depth=1),
    SIZE,
  ),
  'cstl_casia_b': ('cstl', {}, SIZE),
  'cstl_casia_b_128': ('cstl', dict(parts=64), (128, 88)),
}


def create(form: str, dtype: str) -> tuple[nnx.Module, tuple[int, int]]:
  """Returns a form's model with initial weights, and its frames' size."""
  name, fields, size = FORMS[form]
  model = models.create(name, rngs=nnx.Rngs(0), dtype=dtype, **fields)
  return model, size


def silhouettes(
  rows: int, frames: int, size: tuple[int, int]
) -> dict[str, np.ndarray]:
  """Returns a batch of noise; a network's time does not depend on pixels."""
  shape = (rows, frames, *size)
  return {
    'silhouettes': np.random.default_rng(0).integers(0, 256, shape, np.uint8),
    'mask': np.ones((rows, frames), bool),
  }


def seconds(call: Callable[[], Any], repeats: int, warm_up: int = 2) -> float:
  """Returns the median time of a call that computes until it returns."""
  for _ in range(warm_up):
    jax.block_until_ready(call())
  times = []
  for _ in range(repeats):
    start = time.perf_counter()
    jax.block_until_ready(call())
    times.append(time.perf_counter() - start)
  return statistics.median(times)


def matrix_rate(dtype: str, precision: str | None = None) -> float:
  """Measures the FLOP/s of one large matrix product on the device.

  Args:
    dtype: of the operands.
    precision: of `jax.lax.Precision`; None is the device's default.
  """
  size = 2048 if jax.default_backend() == 'cpu' else 8192
  # Random: zeros and ones draw less power, and a GPU then clocks higher.
  x = jax.random.normal(jax.random.key(0), (size, size), dtype)
  product = jax.jit(lambda x: jnp.matmul(x, x, precision=precision))
  return 2 * size**3 / seconds(lambda: product(x), 5)


def copy_rate() -> float:
  """Measures the bytes/s of a large addition, read and written."""
  count = (2**24 if jax.default_backend() == 'cpu' else 2**30) // 4
  x = jnp.zeros(count, jnp.float32)
  add = jax.jit(lambda x: x + 1)
  return 2 * x.nbytes / seconds(lambda: add(x), 5)


def facts(compiled: jax.stages.Compiled) -> dict[str, float]:
  """Returns the traffic and the memory of a program, as XLA counts them.

  What is held at most is the device's own count, 0 where it has none.
  """
  memory: Any = compiled.memory_analysis()
  cost: Any = compiled.cost_analysis() or {}
  held: Any = jax.devices()[0].memory_stats() or {}
  return {
    'GB': cost.get('bytes accessed', 0.0) / 1e9,
    'temporaries, GiB': memory.temp_size_in_bytes / GIB,
    'peak, GiB': peak(compiled),
    'held at most, GiB': held.get('peak_bytes_in_use', 0) / GIB,
  }


def arithmetic(function: Any, given: tuple[Any, ...]) -> float:
  """Returns the FLOPs of a jitted function before XLA optimises it.

  XLA counts them for the host's processor: a GPU's program holds calls of
  libraries, which it does not count.

  Args:
    function: of `jax.jit`.
    given: its arguments.
  """
  like = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), given)
  with jax.default_device(jax.devices('cpu')[0]):
    cost: Any = function.lower(*like).cost_analysis()
  return cost['flops']


def peak(compiled: jax.stages.Compiled) -> float:
  """Returns the GiB that a compiled program needs, itself apart."""
  memory: Any = compiled.memory_analysis()
  held = memory.argument_size_in_bytes + memory.output_size_in_bytes
  held -= memory.alias_size_in_bytes
  return (held + memory.temp_size_in_bytes) / GIB


def parser(description: str, *, rows: int, frames: int) -> Any:
  """Returns the flags that every benchmark of a device takes."""
  flags = argparse.ArgumentParser(description=description.partition('\n')[0])
  flags.add_argument('--form', choices=FORMS, default='gaitgs_casia_b')
  flags.add_argument('--rows', type=int, default=rows)
  flags.add_argument('--frames', type=int, default=frames)
  flags.add_argument('--dtype', default='float32')
  flags.add_argument(
    '--lowering', choices=('', *convolution.LOWERINGS), default=''
  )
  flags.add_argument('--repeats', type=int, default=10)
  flags.add_argument('--json', action='store_true')
  turns.add_flag(flags)
  return flags


def table(
  options: argparse.Namespace,
  function: Any,
  given: tuple[Any, ...],
  run: Callable[[Any], Any],
) -> dict[str, Any]:
  """Compiles and times a program.

  Args:
    options: of `parser`.
    function: of `jax.jit`.
    given: its arguments.
    run: calls the compiled program once and returns what it computes.

  Returns:
    What is printed of it, by name.
  """
  start = time.perf_counter()
  compiled = function.lower(*given).compile()
  compiling = time.perf_counter() - start
  flops = arithmetic(function, given)
  turns.wait(options.turn)
  duration = seconds(lambda: run(compiled), options.repeats)
  rate, matrices = flops / duration, matrix_rate(options.dtype)
  default = convolution.default_lowering(dtype=options.dtype)
  return {
    'device': jax.devices()[0].device_kind,
    'form': options.form,
    'batch': f'{options.rows} x {options.frames} frames, {options.dtype}',
    'lowering': options.lowering or default,
    'compiling, s': compiling,
    'seconds, median': duration,
    'sequences/s': options.rows / duration,
    'frames/s': options.rows * options.frames / duration,
    'GFLOP': flops / 1e9,
    **facts(compiled),
    'GFLOP/s': rate / 1e9,
    'GFLOP/s of a matrix product': matrices / 1e9,
    'share of that, %': 100 * rate / matrices,
  }


def show(table: dict[str, Any], as_json: bool) -> None:
  """Prints a table, as lines or as one line of JSON."""
  if as_json:
    print(json.dumps(table))
    return
  for name, value in table.items():
    text = f'{value:,.4g}' if isinstance(value, float) else str(value)
    print(f'{name:32} {text}')
