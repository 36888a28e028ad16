"""Every figure of docs/scaling.md that needs a GPU or TPU, by one command.

  git clone https://github.com/Haijun-Xiong/GaitGS
  python -m benchmarks.device_check --code=GaitGS --out=device_check.json

Each row is another benchmark in a process and a time limit of its own, so that
one that hangs or fails costs that row alone. Several are compiled side by side,
as XLA takes 100 s for a train step, but one at a time is measured, while the
others are stopped. The most telling rows start first; what does not fit in
--minutes is left out. Rows whose name ends in "again" are the second turn of
one above: the machine's noise. The file is written after every row. Needs jax,
flax, optax and numpy, and PyTorch for the released code.
"""

import argparse
import contextlib
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
from collections.abc import Iterator, Sequence
from typing import Any

CHANNELS_FIRST = '--xla_gpu_force_conv_nhwc=false'  # Last is our default.
CASIA_B = ('--form=gaitgs_casia_b', '--rows=64', '--frames=30')
OUMVLP = ('--form=gaitgs_oumvlp', '--rows=256', '--frames=30')
WALKS = ('--form=gaitgs_casia_b', '--rows=16', '--frames=80')
HALF, SINGLE = '--dtype=bfloat16', '--dtype=float32'
NATIVE, FRAMES = '--lowering=native', '--lowering=frames'
LESS_MEMORY = ('--remat=stem', '--accumulate=4')
TURN = 60.0  # Seconds for measuring what is compiled.
# Of what is measured without a device, to see that every row works.
TINY = ('--rows=4', '--frames=6', '--repeats=1')


@dataclasses.dataclass(frozen=True)
class Row:
  """One measurement.

  Attributes:
    name: what is measured.
    module: of `benchmarks`.
    flags: of the module.
    xla: added to XLA_FLAGS.
    limit: seconds it may take until it is measured.
  """

  name: str
  module: str
  flags: tuple[str, ...] = ()
  xla: str = ''
  limit: int = 240

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


def _train(name: str, *flags: str, xla: str = '', limit: int = 240) -> Row:
  return Row(f'train step, {name}', 'train_step', flags, xla, limit)


def _released(name: str, work: str, *flags: str) -> Row:
  return Row(f'{name}, released code', 'original', (f'--work={work}', *flags))


ROWS = (
  Row('rates of the device', 'ceilings', limit=90),
  _train('CASIA-B, native', *CASIA_B, HALF, NATIVE),
  _train(
    'CASIA-B, native, channels first',
    *CASIA_B,
    HALF,
    NATIVE,
    xla=CHANNELS_FIRST,
  ),
  _released('train step, CASIA-B', 'train_step', *CASIA_B),
  Row('embedding, CASIA-B, float32', 'embed', (*WALKS, SINGLE)),
  _train('CASIA-B, frames', *CASIA_B, HALF, FRAMES),
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
  _train('OU-MVLP', *OUMVLP, HALF),
  _released('train step, OU-MVLP', 'train_step', *OUMVLP),
  _train('CASIA-B, native again', *CASIA_B, HALF, NATIVE),
  _released('train step, CASIA-B again', 'train_step', *CASIA_B),
  _train('CASIA-B, less memory', *CASIA_B, HALF, *LESS_MEMORY),
  _train('OU-MVLP, less memory', *OUMVLP, HALF, *LESS_MEMORY),
  Row('embedding, CASIA-B, bfloat16', 'embed', (*WALKS, HALF)),
  _train(
    'CASIA-B, frames, channels first',
    *CASIA_B,
    HALF,
    FRAMES,
    xla=CHANNELS_FIRST,
  ),
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
)


class Job:
  """A row's process, in a group of its own.

  Args:
    row: of ROWS.
    options: of the command line.
    folder: for what it compiles, what it prints and its turn.
  """

  def __init__(self, row: Row, options: argparse.Namespace, folder: str):
    self.row = row
    self.command = row.command(options)
    stem = pathlib.Path(folder) / str(ROWS.index(row))
    self.turn = stem.with_suffix('.turn')
    self.out, self.err = stem.with_suffix('.out'), stem.with_suffix('.err')
    if row.module != 'rounding':  # It takes no times.
      self.command.append(f'--turn={self.turn}')
    environment = {'JAX_COMPILATION_CACHE_DIR': folder} | os.environ
    # Programs that wait for their turn leave the others their memory.
    environment['XLA_PYTHON_CLIENT_PREALLOCATE'] = 'false'
    self.flags = f'{environment.get("XLA_FLAGS", "")} {row.xla}'.strip()
    environment['XLA_FLAGS'] = self.flags
    self.start = time.monotonic()
    with self.out.open('w') as out, self.err.open('w') as err:
      self.process = subprocess.Popen(
        self.command,
        env=environment,
        stdout=out,
        stderr=err,
        start_new_session=True,
      )

  @property
  def prepared(self) -> bool:
    """Whether it waits for its turn, or has ended."""
    return self.turn.exists() or self.process.poll() is not None

  @property
  def late(self) -> bool:
    """Whether it has used up its time."""
    return time.monotonic() - self.start > self.row.limit

  def signal(self, number: int) -> None:
    """Sends a signal to it and to what it started."""
    if self.process.poll() is None:
      os.killpg(self.process.pid, number)

  def measure(self) -> None:
    """Gives it its turn."""
    self.turn.unlink(missing_ok=True)
    with contextlib.suppress(subprocess.TimeoutExpired):
      self.process.wait(TURN)

  def end(self) -> dict[str, Any]:
    """Ends it if need be; returns how it went and what it found."""
    status = self.process.poll()
    self.signal(signal.SIGKILL)
    self.process.wait()
    result = {
      'name': self.row.name,
      'command': ' '.join(self.command[1:]),
      'XLA_FLAGS': self.flags,
      'took, s': round(time.monotonic() - self.start, 1),
    }
    lines, errors = self.out.read_text().splitlines(), self.err.read_text()
    if status == 0:
      return result | {'ended': 'done', 'found': json.loads(lines[-1])}
    how = 'took too long' if status is None else f'failed with status {status}'
    return result | {'ended': how, 'error': errors[-2000:]}


def run(
  rows: Sequence[Row], options: argparse.Namespace, folder: str
) -> Iterator[dict[str, Any]]:
  """Prepares some rows at a time and measures one by one, as they are ready.

  Args:
    rows: of ROWS, in the order in which they are started.
    options: of the command line.
    folder: for what the processes write.

  Yields:
    How each went, in the order in which they ended.
  """
  end = time.monotonic() + 60 * options.minutes
  left, jobs = list(rows), list[Job]()
  try:
    while left or jobs:
      if time.monotonic() > end:
        yield from (
          {'name': row.name, 'ended': 'not run: no time left'}
          for row in [*(job.row for job in jobs), *left]
        )
        return
      while left and len(jobs) < options.ahead:
        jobs.append(Job(left.pop(0), options, folder))
      job = next((job for job in jobs if job.prepared or job.late), None)
      if job is None:
        time.sleep(0.1)
        continue
      jobs.remove(job)
      if job.prepared:
        # The others hold still, so that the device is its alone.
        for other in jobs:
          other.signal(signal.SIGSTOP)
        job.measure()
        for other in jobs:
          other.signal(signal.SIGCONT)
      yield job.end()
  finally:
    for job in jobs:
      job.end()


def line(result: dict[str, Any]) -> str:
  """Returns a row as one line for people."""
  text = f'{result["name"]:44}'
  found = result.get('found')
  if found is None:
    last = result.get('error', '').strip().splitlines()[-1:]
    return f'{text} {result["ended"]} {" ".join(last)[:200]}'
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
  parser.add_argument(
    '--ahead',
    type=int,
    default=max(1, min(8, (os.cpu_count() or 1) // 2)),
    help='rows that are compiled side by side',
  )
  parser.add_argument('--only', default='', help='rows whose name matches')
  parser.add_argument(
    '--tiny', action='store_true', help='small sizes, to try it on a CPU'
  )
  options = parser.parse_args()
  chosen = [row for row in ROWS if re.search(options.only, row.name)]
  result = [
    {'name': row.name, 'ended': 'not run: no --code'}
    for row in chosen
    if row.module == 'original' and options.code is None
  ]
  names = {row['name'] for row in result}
  rest = [row for row in chosen if row.name not in names]
  with tempfile.TemporaryDirectory() as folder:
    for row in run(rest, options, folder):
      result.append(row)
      print(line(row), flush=True)
      options.out.write_text(json.dumps(result, indent=1))


if __name__ == '__main__':
  main()
