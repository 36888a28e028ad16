"""What a process holds after many runs: memory, open files, threads (Linux).

Trains, resumes and evaluates the tests' tiny model over and over in one
process, each cycle in a new workdir, and prints as CSV what the process holds:

  python -m benchmarks.soak --minutes=60

At the end it says how much each grew from the first tenth of the time on, and
with --trace, which is slow, which lines of Python made what was kept since.
The heap is what glibc's allocator has handed out: the resident size goes on
beyond it, with the pages that the allocator cannot give back.
JAX remembers some thousands of the things that it traced; with --clear it
forgets them after each cycle, so that what else is kept shows.
"""

import argparse
import contextlib
import ctypes
import gc
import importlib
import io
import pathlib
import tempfile
import threading
import time
import tracemalloc
from typing import Any

import jax

from gaitgs_jax import models
from gaitgs_jax.training import compilation, evaluating, loop

COLUMNS = ('seconds', 'cycles', 'rss_mib', 'heap_mib', 'files', 'threads')

WARM = 5  # Cycles before tracing.


def cycle(config: Any, folder: pathlib.Path) -> None:
  """Trains, goes on from the checkpoint to the end, evaluates it."""
  for steps in (4, 6):
    config.total_steps = steps
    loop.train(config, folder)
  evaluating.evaluate(config, folder)


class _Heap(ctypes.Structure):
  """The ten numbers of `struct mallinfo2`, glibc's malloc.h since 2.33."""

  _fields_ = (('bytes', ctypes.c_size_t * 10),)


def heap() -> float:
  """Returns the MiB that glibc has handed out, 0 with another allocator."""
  describe = ctypes.CDLL(None).mallinfo2
  describe.restype = _Heap
  found = describe().bytes
  hblkhd, uordblks = found[4], found[7]  # In mappings of their own, in arenas.
  return (hblkhd + uordblks) / 2**20


def held() -> tuple[float, float, int, int]:
  """Returns this process's resident and heap MiB, open files and threads."""
  process = pathlib.Path('/proc/self')
  status = dict(
    line.split(':', 1) for line in (process / 'status').open() if ':' in line
  )
  resident = int(status['VmRSS'].split()[0]) / 1024
  files = len(list((process / 'fd').iterdir())) - 1  # Less the listing's own.
  return resident, heap(), files, int(status['Threads'])


def show_kept(cycles: int) -> None:
  """Prints what was made since tracing began and is still there."""
  gc.collect()
  kept = tracemalloc.take_snapshot().statistics('lineno')
  total = sum(each.size for each in kept)
  print(f'{total / cycles / 1024:.0f} KiB a cycle are kept')
  for each in kept[:8]:
    frame = each.traceback[0]
    print(f'{each.size / cycles / 1024:8.1f} {frame.filename}:{frame.lineno}')


def main() -> None:
  """Runs cycles for a time and prints what is held meanwhile."""
  parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
  parser.add_argument('--minutes', type=float, default=2)
  parser.add_argument('--every', type=float, default=10, help='seconds a line')
  parser.add_argument('--trace', action='store_true')
  parser.add_argument('--clear', action='store_true')
  options = parser.parse_args()
  compilation.keep()
  tiny = importlib.import_module('tests.training.tiny')  # It has no types.
  models.create = tiny.create
  print(','.join(COLUMNS), flush=True)
  rows: list[tuple[float, int, float, float, int, int]] = []
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
      if options.clear:
        jax.clear_caches()
      if options.trace and cycles == WARM:
        gc.collect()
        tracemalloc.start()
      if not rows or spent - rows[-1][0] >= options.every:
        gc.collect()
        rows.append((spent, cycles, *held()))
        print('{:.0f},{},{:.1f},{:.1f},{},{}'.format(*rows[-1]), flush=True)
  first = next(row for row in rows if row[0] >= 0.1 * rows[-1][0])
  for column, before, after in zip(COLUMNS, first, rows[-1], strict=True):
    print(f'{column:8} {before:10.1f} -> {after:10.1f}')
  print(f'{threading.active_count()} threads of Python are left')
  if options.trace and cycles > WARM:
    show_kept(cycles - WARM)


if __name__ == '__main__':
  main()
