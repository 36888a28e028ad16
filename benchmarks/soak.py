"""What a process holds after many runs: memory, open files, threads.

Trains, resumes and evaluates the tests' tiny model over and over in one
process, each cycle in a new workdir, and prints as CSV what the process holds:

  python -m benchmarks.soak --minutes=60

At the end it says how much each grew from the first tenth of the time on.
"""

import argparse
import contextlib
import gc
import importlib
import io
import pathlib
import tempfile
import threading
import time
from typing import Any

from gaitgs_jax import models
from gaitgs_jax.training import compilation, loop

COLUMNS = ('seconds', 'cycles', 'rss_mib', 'files', 'threads')


def cycle(config: Any, folder: pathlib.Path) -> None:
  """Trains, goes on from the checkpoint to the end, evaluates it."""
  for steps in (4, 6):
    config.total_steps = steps
    loop.train(config, folder)
  loop.evaluate(config, folder)


def held() -> tuple[float, int, int]:
  """Returns this process's resident MiB, open files and threads (Linux)."""
  process = pathlib.Path('/proc/self')
  status = dict(
    line.split(':', 1) for line in (process / 'status').open() if ':' in line
  )
  resident = int(status['VmRSS'].split()[0]) / 1024
  files = len(list((process / 'fd').iterdir())) - 1  # Less the listing's own.
  return resident, files, int(status['Threads'])


def main() -> None:
  """Runs cycles for a time and prints what is held meanwhile."""
  parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
  parser.add_argument('--minutes', type=float, default=2)
  parser.add_argument('--every', type=float, default=10, help='seconds a line')
  options = parser.parse_args()
  compilation.keep()
  tiny = importlib.import_module('tests.training.tiny')  # It has no types.
  models.create = tiny.create
  print(','.join(COLUMNS), flush=True)
  rows: list[tuple[float, int, float, int, int]] = []
  start, cycles = time.monotonic(), 0
  with tempfile.TemporaryDirectory() as name:
    root = pathlib.Path(name)
    tiny.write_tree(root / 'tree')
    config = tiny.get_config(root / 'tree')
    while (spent := time.monotonic() - start) < 60 * options.minutes:
      with (
        tempfile.TemporaryDirectory(dir=root) as run,
        contextlib.redirect_stdout(io.StringIO()),
      ):
        cycle(config, pathlib.Path(run))
      cycles += 1
      if not rows or spent - rows[-1][0] >= options.every:
        gc.collect()
        rows.append((spent, cycles, *held()))
        print('{:.0f},{},{:.1f},{},{}'.format(*rows[-1]), flush=True)
  first = next(row for row in rows if row[0] >= 0.1 * rows[-1][0])
  for column, before, after in zip(COLUMNS, first, rows[-1], strict=True):
    print(f'{column:8} {before:10.1f} -> {after:10.1f}')
  print(f'{threading.active_count()} threads of Python are left')


if __name__ == '__main__':
  main()
