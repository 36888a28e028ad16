"""Size and cold start of an exported model beside the live one.

  python -m benchmarks.export --config=demo --frames=60

Each is embedded by a process of its own, without a cache of compiled programs.
Its processor time, over all cores, counts from its start to the first
embedding; then that of a second walk, which compiles nothing. The weights are
initial ones.
"""

import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import zipfile

from flax import nnx

import gaitgs_jax
from gaitgs_jax import exported, models
from gaitgs_jax.apps import config_file
from gaitgs_jax.interop import safetensors, to_torch, torch_file
from gaitgs_jax.training import preprocessing

_REST = """
import numpy as np, sys, time
shape = [*map(int, sys.argv[2:])]
walk = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
model.embed(walk)
print(time.process_time())
model.embed(walk)
print(time.process_time())
"""
_LIVE = f"""
import gaitgs_jax, sys
model = gaitgs_jax.load('weights.safetensors', config=sys.argv[1])
{_REST}"""
_EXPORTED = f"""
import exported
model = exported.load('model.gait')
{_REST}"""


def write(config: str, folder: pathlib.Path) -> None:
  """Writes a config's model both ways, and prints the sizes."""
  chosen = config_file.load(config)
  fields = chosen.model.to_dict()
  model = models.create(chosen.model_name, rngs=nnx.Rngs(0), **fields)
  weights = folder / 'weights.safetensors'
  state_dict = to_torch(chosen.model_name, model, **fields)
  torch_file.write_checkpoint(weights, state_dict, '', '')
  assert weights.suffix == safetensors.SUFFIX
  gaitgs_jax.load(weights, config=config).export(folder / 'model.gait')
  shutil.copy(exported.__file__, folder)
  with zipfile.ZipFile(folder / 'model.gait') as archive:
    sizes = {each.filename: each.file_size for each in archive.infolist()}
  for name, size in sizes.items():
    print(f'{name:12} {size / 1e6:8.2f} MB')


def seconds(
  program: str, config: str, folder: pathlib.Path, shape: tuple[int, ...]
) -> tuple[float, float]:
  """Returns what a fresh process takes to its first walk, and for its next."""
  root = str(pathlib.Path(__file__).parents[1])
  environment = os.environ | {
    'PYTHONPATH': root if program is _LIVE else '',
    'JAX_ENABLE_COMPILATION_CACHE': 'false',
  }
  command = [sys.executable, '-c', program, config, *map(str, shape)]
  printed = subprocess.check_output(
    command, cwd=folder, env=environment, text=True
  )
  first, second = map(float, printed.split()[-2:])
  return first, second - first


def main() -> None:
  """Prints the table."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--config', default='demo', help='of silhouettes')
  parser.add_argument('--frames', type=int, default=60)
  parser.add_argument('--repeats', type=int, default=3)
  options = parser.parse_args()
  sizes = preprocessing.input_sizes(config_file.load(options.config))
  shape = (options.frames, *sizes['silhouettes'])
  with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    write(options.config, folder)
    for what, program in (('live', _LIVE), ('exported', _EXPORTED)):
      runs = [
        seconds(program, options.config, folder, shape)
        for _ in range(options.repeats)
      ]
      first, second = map(statistics.median, zip(*runs, strict=True))
      print(f'{what:12} first walk {first:6.2f} s, next {1e3 * second:6.0f} ms')


if __name__ == '__main__':
  main()
