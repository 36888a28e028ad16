"""Every figure of docs/scaling.md that needs a GPU or TPU, by one command.

  git clone https://github.com/Haijun-Xiong/GaitGS
  python -m benchmarks.device_check --code=GaitGS --out=device_check.json

Each row is another benchmark in a process and a time limit of its own, so that
one that hangs or fails costs that row alone. The most telling rows come first;
what does not fit in --minutes is left out. Rows whose name ends in "again" are
the second turn of one above: the machine's noise. The file is written after
every row. Needs jax, flax, optax and numpy, and PyTorch for the released code.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any

# Trying Triton's matrix products out takes XLA minutes for each program.
WITHOUT_TRITON = '--xla_gpu_enable_triton_gemm=false'
CHANNELS_LAST = '--xla_gpu_force_conv_nhwc=true'
CASIA_B = ('--form=gaitgs_casia_b', '--rows=64', '--frames=30')
OUMVLP = ('--form=gaitgs_oumvlp', '--rows=256', '--frames=30')
WALKS = ('--form=gaitgs_casia_b', '--rows=16', '--frames=80')
HALF, SINGLE = '--dtype=bfloat16', '--dtype=float32'
NATIVE, FRAMES = '--lowering=native', '--lowering=frames'
LESS_MEMORY = ('--remat=stem', '--accumulate=4')
# Of what is measured without a device, to see that every row works.
TINY = ('--rows=4', '--frames=6', '--repeats=1')


@dataclasses.dataclass(frozen=True)
class Row:
  """One measurement.

  Attributes:
    name: what is measured.
    module: of `benchmarks`.
    flags: of the module.
    xla: added to XLA_FLAGS, after WITHOUT_TRITON.
    limit: seconds it may take.
  """

  name: str
  module: str
  flags: tuple[str, ...] = ()
  xla: str = ''
  limit: int = 120

  def command(self, options: argparse.Namespace) -> list[str]:
    """Returns the command line."""
    flags = list(self.flags)
    if self.module == 'original':
      flags += ['--alone', f'--code={options.code}']
    if options.tiny and self.module in ('train_step', 'embed', 'original'):
      flags += TINY
    if options.tiny and self.module in ('train_step', 'embed'):
      flags.append('--form=gaitgs_demo')
    if self.module != 'original':
      flags.append('--json')
    return [sys.executable, '-m', f'benchmarks.{self.module}', *flags]


def _train(name: str, *flags: str, xla: str = '', limit: int = 120) -> Row:
  return Row(f'train step, {name}', 'train_step', flags, xla, limit)


def _released(name: str, work: str, *flags: str) -> Row:
  return Row(f'{name}, released code', 'original', (f'--work={work}', *flags))


ROWS = (
  Row('rates of the device', 'ceilings', limit=60),
  _train(
    'CASIA-B, native, channels last', *CASIA_B, HALF, NATIVE, xla=CHANNELS_LAST
  ),
  _train('CASIA-B, native', *CASIA_B, HALF, NATIVE),
  _released('train step, CASIA-B', 'train_step', *CASIA_B),
  Row('embedding, CASIA-B, float32', 'embed', (*WALKS, SINGLE)),
  _train(
    'CASIA-B, frames, channels last',
    *CASIA_B,
    HALF,
    FRAMES,
    xla=CHANNELS_LAST,
  ),
  Row(
    'rounding of golden embeddings',
    'rounding',
    (
      '--embeddings',
      '--files=gaitgs_casia',
      '--lowerings=native',
      '--lengths=30',
    ),
  ),
  _released('embedding, CASIA-B', 'embed', *WALKS),
  _train('OU-MVLP, channels last', *OUMVLP, HALF, xla=CHANNELS_LAST),
  _released('train step, OU-MVLP', 'train_step', *OUMVLP),
  _train('CASIA-B, native again', *CASIA_B, HALF, NATIVE),
  _released('train step, CASIA-B again', 'train_step', *CASIA_B),
  _train('CASIA-B, less memory', *CASIA_B, HALF, *LESS_MEMORY),
  _train('OU-MVLP, less memory', *OUMVLP, HALF, *LESS_MEMORY),
  Row('embedding, CASIA-B, bfloat16', 'embed', (*WALKS, HALF)),
  _train('CASIA-B, frames', *CASIA_B, HALF, FRAMES),
  _train('CASIA-B, winograd', *CASIA_B, HALF, '--lowering=winograd'),
  *(
    _train(
      f'CASIA-B, native, autotuning level {level}',
      *CASIA_B,
      HALF,
      NATIVE,
      xla=f'--xla_gpu_autotune_level={level}',
    )
    for level in (0, 2)
  ),
  _train('CASIA-B, float32', *CASIA_B, SINGLE),
  Row(
    'embedding, CASIA-B, one walk, float32',
    'embed',
    (*WALKS, SINGLE, '--rows=1'),
  ),
  _train('CSTL at 64x44, float32', *CASIA_B, SINGLE, '--form=cstl_casia_b'),
  _train(
    'CASIA-B, native, Triton',
    *CASIA_B,
    HALF,
    NATIVE,
    xla='--xla_gpu_enable_triton_gemm=true',
    limit=240,
  ),
)


def measure(
  row: Row, options: argparse.Namespace, cache: str, limit: float
) -> dict[str, Any]:
  """Runs one row.

  Args:
    row: of ROWS.
    options: of the command line.
    cache: folder where JAX keeps what it compiles, for second turns.
    limit: seconds that are left.

  Returns:
    Its name, its command, how it ended and, if it ended well, what it found.
  """
  command = row.command(options)
  environment = {'JAX_COMPILATION_CACHE_DIR': cache} | os.environ
  environment['JAX_LOG_COMPILES'] = '1'  # To see where a slow one was.
  # Of a GPU's memory JAX takes three quarters by itself: the rest would go
  # unused, as nothing else runs there.
  environment.setdefault('XLA_PYTHON_CLIENT_MEM_FRACTION', '0.92')
  flags = [environment.get('XLA_FLAGS', ''), WITHOUT_TRITON, row.xla]
  environment['XLA_FLAGS'] = ' '.join(filter(None, flags))
  told: dict[str, Any] = {
    'name': row.name,
    'command': ' '.join(command[1:]),
    'XLA_FLAGS': environment['XLA_FLAGS'],
  }
  start = time.monotonic()
  with tempfile.TemporaryFile('w+') as out, tempfile.TemporaryFile('w+') as err:
    process = subprocess.Popen(
      command, env=environment, stdout=out, stderr=err, start_new_session=True
    )
    try:
      status = process.wait(min(row.limit, limit))
      ended = 'done' if not status else f'failed with status {status}'
    except subprocess.TimeoutExpired:
      ended = 'took too long'
    finally:
      if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    out.seek(0)
    err.seek(0)
    lines, errors = out.read().splitlines(), err.read()
  told |= {'ended': ended, 'took, s': round(time.monotonic() - start, 1)}
  if ended == 'done':
    return told | {'found': json.loads(lines[-1])}
  return told | {'error': errors[-2000:]}


def line(told: dict[str, Any]) -> str:
  """Returns a row as one line for people."""
  text = f'{told["name"]:44}'
  found = told.get('found')
  if found is None:
    last = told.get('error', '').strip().splitlines()[-1:]
    return f'{text} {told["ended"]} {" ".join(last)[:200]}'
  if 'seconds, median' not in found:
    return f'{text} {json.dumps(found)}'
  figures = [
    f'{1e3 * found["seconds, median"]:8.1f} ms',
    f'{found["sequences/s"]:8.0f} sequences/s',
  ]
  for name, unit in (
    ('share of that, %', '% of matrix rate'),
    ('held at most, GiB', 'GiB'),
    ('compiling, s', 's to compile'),
  ):
    if name in found:
      figures.append(f'{found[name]:6.1f} {unit}')
  return f'{text} {", ".join(figures)}'


def main() -> None:
  """Measures row by row."""
  parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
  parser.add_argument('--code', type=pathlib.Path, help='a clone of GaitGS')
  parser.add_argument(
    '--out', type=pathlib.Path, default=pathlib.Path('device_check.json')
  )
  parser.add_argument('--minutes', type=float, default=8.0)
  parser.add_argument('--only', default='', help='rows whose name matches')
  parser.add_argument(
    '--tiny', action='store_true', help='small sizes, to try it on a CPU'
  )
  options = parser.parse_args()
  end = time.monotonic() + 60 * options.minutes
  rows: list[dict[str, Any]] = []
  with tempfile.TemporaryDirectory() as cache:
    for row in ROWS:
      if not re.search(options.only, row.name):
        continue
      left = end - time.monotonic()
      if row.module == 'original' and options.code is None:
        told = {'name': row.name, 'ended': 'not run: no --code'}
      elif left < 10:
        told = {'name': row.name, 'ended': 'not run: no time left'}
      else:
        told = measure(row, options, cache, left)
      rows.append(told)
      print(line(told), flush=True)
      options.out.write_text(json.dumps(rows, indent=1))


if __name__ == '__main__':
  main()
