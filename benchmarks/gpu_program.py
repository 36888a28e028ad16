"""What XLA makes of a train step for an NVIDIA H200, which need not be there.

  pip install -r requirements-gpu.txt
  python -m benchmarks.gpu_program --config=configs/casia_b.py --lowering=frames

Prints the memory that the compiled step needs, what its kernels read and write,
its arithmetic as XLA counts it before it optimises, and the least time that
either takes at the device's nominal rates. A kernel counts with the whole of
its operands, though it may read parts.
Where no device is, XLA tries no kernels out, and so neither the work space of
the fastest ones is in the memory nor Triton's matrix products in the program.
"""

import argparse
import collections
import re
from typing import Any

import jax
from jax.experimental import topologies

from benchmarks import measuring
from gaitgs_jax.apps import config_file
from gaitgs_jax.models import convolution
from gaitgs_jax.training import collectives, facts, forecast, meshes

# As far as the compiler asks for it, from openxla/xla's description of an H200,
# xla/backends/gpu/target_config/specs/h200.txtpb. The arithmetic is bfloat16's.
BYTES_PER_SECOND = 4.8e12
FLOPS_PER_SECOND = 2 * 132 * 4 * 512 * 1.8295201e9
H200 = f"""
gpu_device_info {{
  cuda_compute_capability {{ major: 9 }}
  core_count: 132
  fpus_per_core: 128
  threads_per_warp: 32
  threads_per_block_limit: 1024
  threads_per_core_limit: 2048
  block_dim_limit_x: 2147483647
  block_dim_limit_y: 65535
  block_dim_limit_z: 65535
  registers_per_block_limit: 65536
  registers_per_core_limit: 65536
  shared_memory_per_block: 49152
  shared_memory_per_block_optin: 232448
  shared_memory_per_core: 233472
  l2_cache_size: 52428800
  clock_rate_ghz: 1.98
  memory_bandwidth: {BYTES_PER_SECOND:.0f}
  device_memory_size: 151397597184
}}
platform_name: "CUDA"
dnn_version_info {{ major: 9 minor: 10 }}
runtime_version {{ major: 13 }}
device_description_str: "NVIDIA H200"
"""
UNTRIED = {'xla_gpu_autotune_level': 0, 'xla_gpu_enable_triton_gemm': False}

# What moves nothing.
FREE = {'parameter', 'constant', 'tuple', 'get-tuple-element', 'bitcast'}
WORK_SPACE = re.compile(r', [su]8\[\d+\]\S*(?=\))')  # Told as a result.
INSTRUCTION = re.compile(
  r'\s+(?:ROOT )?%(?P<name>\S+) = (?P<arrays>.+?) (?P<kind>[\w-]+)\('
  r'(?P<operands>[^)]*)\)'
)


def traffic(program: str) -> collections.Counter[str]:
  """Returns the bytes that a program's kernels read and write, by kind."""
  total: collections.Counter[str] = collections.Counter()
  sizes: dict[str, int] = {}
  for line in program.partition('\nENTRY ')[2].splitlines():
    match = INSTRUCTION.match(line)
    if match is None:
      continue
    results = collectives.read_arrays(WORK_SPACE.sub('', match['arrays']))
    sizes[match['name']] = collectives.size(results)
    if match['kind'] not in FREE:
      operands = re.findall(r'%([\w.-]+)', match['operands'])
      moved = sum(sizes.get(operand, 0) for operand in operands)
      total[_label(line, match)] += sizes[match['name']] + moved
  return total


def _label(line: str, match: re.Match[str]) -> str:
  if match['kind'] == 'custom-call':
    return 'convolutions' if 'cudnn$conv' in line else 'matrix products'
  moves = 'transpose' in match['name'] or match['kind'] == 'copy'
  return 'transposes and what is joined to them' if moves else 'the rest'


def main() -> None:
  """Compiles and prints."""
  parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
  parser.add_argument('--config', default='configs/casia_b.py')
  parser.add_argument('--devices', type=int, default=1)
  parser.add_argument(
    '--lowering', choices=convolution.LOWERINGS, default='native'
  )
  parser.add_argument(
    '--channels-last',
    action='store_true',
    help="XLA's xla_gpu_force_conv_nhwc",
  )
  options = parser.parse_args()
  jax.config.update('jax_platforms', 'cpu')
  here = jax.devices()[:1]
  config = facts.of_dataset(config_file.load(options.config))
  try:
    there = topologies.get_topology_desc(
      '', 'cuda', topology=f'1x1x{options.devices}', target_config=H200
    ).devices
  except NotImplementedError:
    parser.error('no CUDA compiler: pip install -r requirements-gpu.txt')

  def lower(devices: list[Any]) -> jax.stages.Lowered:
    mesh = meshes.create(devices=devices, **config.mesh)
    return forecast.lower(config, mesh, options.lowering)

  compiled: Any = lower(there).compile(
    compiler_options=UNTRIED
    | {'xla_gpu_force_conv_nhwc': options.channels_last}
  )
  moved = traffic(compiled.as_text())
  cost: Any = lower(here).cost_analysis()
  flops = cost['flops'] / options.devices
  print(f'{"peak":38}{measuring.peak(compiled):8.2f} GiB')
  for kind, share in moved.most_common():
    print(f'{kind:38}{share / 1e9:8.2f} GB')
  print(f'{"in all":38}{moved.total() / 1e9:8.2f} GB', end='')
  print(f', at least {1e3 * moved.total() / BYTES_PER_SECOND:.1f} ms')
  print(f'{"arithmetic":38}{flops / 1e12:8.2f} TFLOP', end='')
  print(f', at least {1e3 * flops / FLOPS_PER_SECOND:.1f} ms')


if __name__ == '__main__':
  main()
